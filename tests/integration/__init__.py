"""Tests over a real PostgreSQL and real sockets."""
