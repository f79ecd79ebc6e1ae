"""Runs PostgreSQL from a wheel."""
