"""Every port in memory: for unit tests, and for other services' tests."""
