"""Formats, writes and limits event streams."""
