"""Reads request bodies within limits of size and time."""

import asyncio
from collections.abc import AsyncIterator

from attrs import frozen
from starlette.requests import Request

from chatcore_service.http import media_types
from chatcore_service.http.buffer_budget import HELD_BODY, HeldBytes
from chatcore_service.http.refusals import (
    BodyTimeoutError,
    BodyTooLargeError,
    IncompleteBodyError,
    UnsupportedMediaTypeError,
)
from chatcore_service.settings import RequestSettings


@frozen
class BodyReader:
    """Reads the bytes of request bodies that are declared as JSON."""

    settings: RequestSettings

    async def read(self, request: Request) -> bytes:
        """Returns the body; empty if the request has no body.

        Raises:
            UnsupportedMediaTypeError: the body is not declared as plain JSON in UTF-8.
            BodyTooLargeError: the body is too large.
            BodyTimeoutError: the body did not arrive in time.
            IncompleteBodyError: the caller disconnected before the end of the body.
            BuffersFullError: the process has no memory left for the body.
            TooManyBufferedBytesError: the user's requests hold as much memory as those of one user may.
        """
        if is_encoded(request.headers.getlist("content-encoding")):
            # The size on the wire does not limit the size of a decompressed body.
            raise UnsupportedMediaTypeError(headers={"Connection": "close"})
        try:
            async with asyncio.timeout(self.settings.body_timeout_seconds):
                body = await self._collect(request)
        except TimeoutError as error:
            raise BodyTimeoutError(headers={"Connection": "close"}) from error
        if body and not _is_json(request.headers.getlist("content-type")):
            raise UnsupportedMediaTypeError
        return body

    async def _collect(self, request: Request) -> bytes:
        max_bytes = self.settings.max_body_bytes
        if int(request.headers.get("content-length") or 0) > max_bytes:
            raise BodyTooLargeError(max_bytes)
        held: HeldBytes | None = request.scope.get(HELD_BODY)
        body = bytearray()
        try:
            async for part in parts_of(request):
                body += part
                if len(body) > max_bytes:
                    raise BodyTooLargeError(max_bytes)
                if held is not None:
                    # The server wakes this loop, by an empty part, when it drops a part.
                    held.check()
            return bytes(body)
        finally:
            # The handler decodes the body at once.
            if held is not None:
                held.release()


async def parts_of(request: Request) -> AsyncIterator[bytes]:
    """Yields the parts of a body as the server has them. Starlette's own stream leaves out empty parts.

    Raises:
        IncompleteBodyError: the caller disconnected before the end of the body.
    """
    is_complete = False
    while not is_complete:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise IncompleteBodyError
        is_complete = not message.get("more_body", False)
        yield message.get("body", b"")


def is_encoded(encodings: list[str]) -> bool:
    """Returns whether a body with these content encodings is compressed or otherwise encoded."""
    codings = (coding.strip().lower() for coding in ",".join(encodings).split(","))
    return any(coding not in {"", "identity"} for coding in codings)


def _is_json(content_types: list[str]) -> bool:
    if len(content_types) != 1:
        return False
    media_type, _, parameters = content_types[0].partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    return media_type.strip().lower() == media_types.JSON and charset in {"", "charset=utf-8", "charset=utf8"}
