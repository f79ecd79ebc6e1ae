"""Reads and writes the files of exports and imports."""
