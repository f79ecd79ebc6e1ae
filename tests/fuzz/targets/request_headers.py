"""Checks that every value read from headers and query is valid, or refused with an error of the API."""

import re

from starlette.requests import Request

from chatcore.errors import InvalidInputError, NotAuthenticatedError
from chatcore.replies.idempotency import IdempotencyKey
from chatcore_auth.token_key import MAX_TOKEN_BYTES, token_key
from chatcore_service.http.headers import (
    MAX_OFFSET_DIGITS,
    bearer_token,
    idempotency_key,
    prefers_async,
    resume_point,
)
from chatcore_service.http.refusals import MalformedEventIdError
from chatcore_service.http.trace import choose_trace_id

_NAMES = (
    b"authorization",
    b"last-event-id",
    b"idempotency-key",
    b"prefer",
    b"x-trace-id",
    b"x-request-id",
)
_QUERY = len(_NAMES)

# Each line is a header: the number of its name, then its value.
SEEDS = (
    b"0Bearer abc.def-ghi_~+/==",
    b"0bearer  x\n0Bearer y",
    b"0Basic dXNlcjpwYXNz",
    b"117",
    b"117-2",
    b"117-2-end",
    b"19007199254740992\n6offset=5",
    b"1-1\n1\xb2\n1 7",
    b"6offset=0",
    b"6offset=%32&offset=3&x=%ff",
    b"2key-1",
    b"2\n2\xff",
    b"3respond-async; wait=5, return=minimal",
    b"4trace.id_1-2\n5other",
    b"4" + b"x" * 129,
)


def check(data: bytes) -> None:
    """Reads all values that headers and query may have."""
    headers, query = _sent(data)
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": query})
    _check_token(request)
    _check_offset(request)
    _check_key(request)
    assert prefers_async(request) in {True, False}
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", choose_trace_id(headers))


def _sent(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    headers: list[tuple[bytes, bytes]] = []
    query = b""
    for line in data.split(b"\n"):
        kind = (line[0] - ord("0")) % (_QUERY + 1) if line else _QUERY
        if kind == _QUERY:
            query = line[1:]
        else:
            headers.append((_NAMES[kind], line[1:]))
    return headers, query


def _check_token(request: Request) -> None:
    try:
        token = bearer_token(request)
    except NotAuthenticatedError:
        return
    assert token.isascii()
    assert token.isprintable()
    assert " " not in token
    assert (token_key(token) is None) == (len(token) > MAX_TOKEN_BYTES)


def _check_offset(request: Request) -> None:
    try:
        point = resume_point(request)
    except MalformedEventIdError:
        return
    assert point.offset is None or 0 <= point.offset < 10**MAX_OFFSET_DIGITS
    for value in request.headers.getlist("last-event-id"):
        assert re.fullmatch(r"[0-9]+(-[0-9]+)?(-end)?", value)
        assert value.endswith("-end") is point.knows_end
        # An id without a generation is one of the first.
        numbers = (*map(int, value.removesuffix("-end").split("-")), 1)
        assert numbers[:2] == (point.offset, point.generation)


def _check_key(request: Request) -> None:
    try:
        named = idempotency_key(request)
        key = "-" if named is None else IdempotencyKey(named, b"").key
    except InvalidInputError:
        return
    assert re.fullmatch(r"[!-~]{1,255}", key)
