"""Event streams: what is sent, how it is sent, and the limits on it."""
