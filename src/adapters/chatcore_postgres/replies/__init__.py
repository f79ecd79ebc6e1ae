"""Stores replies in PostgreSQL while they are generated, with a module for each step."""
