"""Receives files that are too large for a body that is read at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from attrs import field, frozen
from starlette.requests import Request

from chatcore.ports import Clock
from chatcore_service.http import media_types
from chatcore_service.http.body_reader import is_encoded, parts_of
from chatcore_service.http.buffer_budget import HELD_BODY, HeldBytes
from chatcore_service.http.refusals import BodyTimeoutError, BodyTooLargeError, UnsupportedUploadError

#: The media types of files that can be imported.
MEDIA_TYPES: Final = (media_types.JSON, media_types.NDJSON)
#: Most bytes of a file.
MAX_UPLOAD_BYTES: Final = 1024**3
#: The longest time for a file, however steadily it comes.
MAX_UPLOAD_SECONDS: Final = 3600.0


@frozen
class Upload:
    """A file that a caller sends, which is handed on in the parts in which it arrives.

    While a part is worked on, the caller is kept from sending more than a few parts ahead.
    """

    request: Request
    clock: Clock
    #: Time without a byte after which the upload is refused.
    silent_seconds: float
    max_bytes: int = MAX_UPLOAD_BYTES
    _held: HeldBytes | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_held", self.request.scope.get(HELD_BODY))

    def require_acceptable(self) -> None:
        """Checks what the head of the request says about the file.

        Raises:
            UnsupportedUploadError: the file is not declared as JSON or JSON lines, or is compressed.
            BodyTooLargeError: the file is too large.
        """
        headers = self.request.headers
        types = [value.partition(";")[0].strip().lower() for value in headers.getlist("content-type")]
        if len(types) != 1 or types[0] not in MEDIA_TYPES or is_encoded(headers.getlist("content-encoding")):
            raise UnsupportedUploadError
        if int(headers.get("content-length") or 0) > self.max_bytes:
            raise BodyTooLargeError(self.max_bytes)

    async def parts(self) -> AsyncIterator[bytes]:
        """Yields the parts of the file.

        Raises:
            BodyTooLargeError: the file is too large.
            BodyTimeoutError: nothing arrived for too long, or the whole takes too long.
            IncompleteBodyError: the caller disconnected before the end.
            BuffersFullError: the process has no memory left for the upload.
            TooManyBufferedBytesError: the user's requests hold as much memory as those of one user may.
        """
        parts, received, ends_at = parts_of(self.request), 0, self.clock.monotonic() + MAX_UPLOAD_SECONDS
        while True:
            try:
                async with asyncio.timeout(self.silent_seconds):
                    part = await anext(parts, None)
            except TimeoutError as error:
                raise BodyTimeoutError(headers={"Connection": "close"}) from error
            if part is None:
                return
            received += len(part)
            if received > self.max_bytes:
                raise BodyTooLargeError(self.max_bytes)
            if self.clock.monotonic() > ends_at:
                raise BodyTimeoutError(headers={"Connection": "close"})
            if self._held is not None:
                self._held.check()
            yield part

    def hold(self, byte_count: int) -> None:
        """Counts exactly this many bytes of what was handed on as held in the memory of the process."""
        if self._held is not None:
            self._held.hold(byte_count)
