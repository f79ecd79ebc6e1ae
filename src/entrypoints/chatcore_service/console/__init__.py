"""Provides the built-in page: its files, its policy, and what it needs to know of the service."""
