"""Divides an input into chunks: the first bytes of the input say where to cut the rest."""

_MOST_CUTS = 8


def chunks_in(data: bytes) -> list[bytes]:
    """Returns the chunks; concatenated, they are the input without the bytes that say where to cut."""
    count = data[0] % _MOST_CUTS if data else 0
    body = data[1 + count :]
    cuts = sorted(byte * len(body) // 256 for byte in data[1 : 1 + count])
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def uncut(body: bytes) -> bytes:
    """Returns the input that is `body` in one chunk."""
    return b"\0" + body


def cut(body: bytes) -> bytes:
    """Returns the input that is `body` in some chunks."""
    return b"\5" + bytes([30, 90, 128, 129, 200]) + body
