"""Tests how PostgreSQL executes every statement on large tables."""
