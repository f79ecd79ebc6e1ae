"""Implements the ports of the storage in memory, each in a class of its own over the same rows."""
