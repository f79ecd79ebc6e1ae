"""Reads request bodies, within bounds of size and time."""

import asyncio

from attrs import frozen
from starlette.requests import ClientDisconnect, Request

from chatcore_service.http.refusals import (
    BodyTimeoutError,
    BodyTooLargeError,
    IncompleteBodyError,
    UnsupportedMediaTypeError,
)
from chatcore_service.settings import RequestSettings


@frozen
class BodyReader:
    """Reads the bytes of request bodies that say they are JSON."""

    settings: RequestSettings

    async def read(self, request: Request) -> bytes:
        """The body; empty when there is none.

        Raises:
            UnsupportedMediaTypeError: there is one, and it is not plain JSON in UTF-8.
            BodyTooLargeError: it is too large.
            BodyTimeoutError: it did not come in time.
            IncompleteBodyError: the caller went away before its end.
        """
        if _is_encoded(request.headers.getlist("content-encoding")):
            # An inflated body is not bounded by its size on the wire.
            raise UnsupportedMediaTypeError(headers={"Connection": "close"})
        try:
            async with asyncio.timeout(self.settings.body_timeout_seconds):
                body = await self._collect(request)
        except TimeoutError as error:
            raise BodyTimeoutError(headers={"Connection": "close"}) from error
        except ClientDisconnect as error:
            raise IncompleteBodyError from error
        if body and not _is_json(request.headers.getlist("content-type")):
            raise UnsupportedMediaTypeError
        return body

    async def _collect(self, request: Request) -> bytes:
        max_bytes = self.settings.max_body_bytes
        if int(request.headers.get("content-length") or 0) > max_bytes:
            raise BodyTooLargeError(max_bytes)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > max_bytes:
                raise BodyTooLargeError(max_bytes)
        return bytes(body)


def _is_encoded(encodings: list[str]) -> bool:
    codings = (coding.strip().lower() for coding in ",".join(encodings).split(","))
    return any(coding not in {"", "identity"} for coding in codings)


def _is_json(content_types: list[str]) -> bool:
    if len(content_types) != 1:
        return False
    media_type, _, parameters = content_types[0].partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    return media_type.strip().lower() == "application/json" and charset in {"", "charset=utf-8", "charset=utf8"}
