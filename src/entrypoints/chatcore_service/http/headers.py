"""Request headers that mean something to the API."""

import re

from starlette.requests import Request

from chatcore.errors import FieldProblem, InvalidInputError, NotAuthenticatedError
from chatcore_service.http.refusals import MalformedEventIdError

#: The largest whole number that JavaScript can count to without a gap.
MAX_EVENT_ID = 2**53

# RFC 6750, section 2.1; one space or more, as RFC 9110 has it in section 11.4.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,20}")


def bearer_token(request: Request) -> str:
    """The caller's token.

    Raises:
        NotAuthenticatedError: there is not exactly one Authorization header with a bearer token.
    """
    values = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise NotAuthenticatedError
    return match[1]


def idempotency_key(request: Request) -> str | None:
    """The caller's name for this request, unchecked; None when it gave none.

    Raises:
        InvalidInputError: there are several.
    """
    values = request.headers.getlist("idempotency-key")
    if len(values) > 1:
        raise InvalidInputError(FieldProblem("Idempotency-Key", "must be given once"))
    return values[0] if values else None


def prefers_async(request: Request) -> bool:
    """Whether the caller asks not to wait for the reply (RFC 7240)."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


def resume_offset(request: Request) -> int | None:
    """How many code points of a reply the caller has; None when it reads from the start.

    The header wins over the query. Last-Event-ID: 0 comes from a reader that was there before and has all of a reply
    without text; in the query 0 is the start.

    Raises:
        MalformedEventIdError: that is no whole number, too large, or given more than once.
    """
    if ids := request.headers.getlist("last-event-id"):
        return _offset(ids)
    if offsets := request.query_params.getlist("offset"):
        return _offset(offsets) or None
    return None


def _offset(values: list[str]) -> int:
    if len(values) > 1 or not _DIGITS.fullmatch(values[0]) or int(values[0]) > MAX_EVENT_ID:
        raise MalformedEventIdError(MAX_EVENT_ID)
    return int(values[0])
