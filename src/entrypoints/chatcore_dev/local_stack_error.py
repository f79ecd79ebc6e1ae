"""Defines the error that stops the local stack."""


class LocalStackError(Exception):
    """The local stack cannot start or continue; the message is one sentence for the person at the terminal."""
