"""Connections to PostgreSQL: the pool, waiting, errors, and types."""
