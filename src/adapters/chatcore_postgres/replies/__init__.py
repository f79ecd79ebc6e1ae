"""Stores replies in PostgreSQL while they are generated: a module for each step of their life."""
