"""Tests without sockets and without a database."""
