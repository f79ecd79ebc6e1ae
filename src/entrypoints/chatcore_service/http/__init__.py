"""Turns HTTP requests into calls of use cases, and the results into responses and streams."""
