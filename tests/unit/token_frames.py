"""Provides frames of our stream format."""

from chatcore.ports import Frame

CLOSING = Frame(b'data: {"done":true}\n\n', is_closing=True)


def frame(token: str) -> Frame:
    """Returns a frame with a token."""
    return Frame(b'data: {"token":"' + token.encode() + b'"}\n\n', token)
