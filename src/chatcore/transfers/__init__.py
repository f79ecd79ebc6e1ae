"""Moves conversations into and out of the storage: exports and imports."""
