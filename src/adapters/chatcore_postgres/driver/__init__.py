"""Connects to PostgreSQL: manages connections, waits for answers, classifies errors and encodes arrays."""
