"""The auth port over HTTP, behind a cache."""
