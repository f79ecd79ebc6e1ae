"""The inference port over HTTP: server-sent events."""
