"""Connects to PostgreSQL: the pool, waiting for answers, errors, and parameter types."""
