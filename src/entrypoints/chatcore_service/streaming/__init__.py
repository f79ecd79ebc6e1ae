"""Event streams: their format, how they are written, and their limits."""
