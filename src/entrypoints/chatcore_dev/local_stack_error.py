"""Defines the error that stops the local stack."""


class LocalStackError(Exception):
    """Reports that the local stack cannot start or continue, in one sentence for the person at the terminal."""
