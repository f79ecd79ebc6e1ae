"""Finds texts in PostgreSQL by their terms."""
