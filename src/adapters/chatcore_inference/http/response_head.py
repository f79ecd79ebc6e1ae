"""Judges a response by its status and headers."""

import re
from http import HTTPStatus

import httpx

_WHOLE_NUMBER = re.compile(r"[0-9]{1,5}")
_SECONDS_OF_A_DAY = 24 * 60 * 60


def is_event_stream(status: int, headers: httpx.Headers) -> bool:
    """Returns whether the status and headers belong to a reply: a successful, uncompressed event stream."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return status == HTTPStatus.OK and media_type == "text/event-stream" and is_plain(headers)


def is_plain(headers: httpx.Headers) -> bool:
    """Returns whether the body is uncompressed, as we ask: a few compressed bytes can inflate to gigabytes."""
    return headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}


def retry_after_seconds(headers: httpx.Headers) -> int | None:
    """Returns the seconds in `Retry-After`, 1 to 86,400, or None if the header is absent or has another value.

    A date is ignored, because the clocks of two machines may differ.
    """
    seconds = headers.get("retry-after", "").strip()
    if not _WHOLE_NUMBER.fullmatch(seconds) or not 1 <= int(seconds) <= _SECONDS_OF_A_DAY:
        return None
    return int(seconds)
