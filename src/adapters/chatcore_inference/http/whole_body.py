"""Reads the body of a response at once, up to a limit."""

from collections.abc import AsyncIterable

from chatcore.errors import InferenceRefusedError


async def read_whole(chunks: AsyncIterable[bytes], most: int) -> bytes:
    """Returns a body.

    Args:
        chunks: the chunks of the body.
        most: the most bytes that the body may have.

    Raises:
        InferenceRefusedError: the body is longer.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise InferenceRefusedError("The answer of the inference service is too large.")
    return bytes(body)
