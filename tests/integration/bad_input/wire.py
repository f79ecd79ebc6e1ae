"""Sends bytes that no HTTP library would, and reads every answer that comes back."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

PATIENCE_SECONDS = 15
_PROBE_TRACE = "the-probe"
_PROBE = f"GET /api/health HTTP/1.1\r\nhost: x\r\nx-trace-id: {_PROBE_TRACE}\r\nconnection: close\r\n\r\n".encode()

Header = tuple[str, str | bytes]


@frozen
class Answer:
    """A response."""

    status: int
    #: Names in lower case.
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - as it is in JSON
        """Returns the body, parsed."""
        return json.loads(self.body)


def request(method: str, target: str | bytes, headers: Iterable[Header] = (), body: bytes = b"") -> bytes:
    """Returns the bytes of a request, with a Content-Length where there is a body."""
    lines = [("host", "x"), *headers] if all(name.lower() != "host" for name, _ in headers) else list(headers)
    if body:
        lines.append(("content-length", str(len(body))))
    start = method.encode() + b" " + _bytes(target) + b" HTTP/1.1\r\n"
    return start + b"".join(name.encode() + b": " + _bytes(value) + b"\r\n" for name, value in lines) + b"\r\n" + body


async def answers(base_url: str, data: bytes, *, method: str = "GET") -> list[Answer]:
    """Returns all responses to `data`, which is one request or is meant to be taken for more.

    A harmless request follows on the same connection: whatever was made of `data`, its answer is the last one, and
    left out here, or the connection was closed.
    """
    parts = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(data + _PROBE)
            received = await reader.read(-1)
    finally:
        writer.close()
    found = list(_parsed(received, method))
    return [answer for answer in found if answer.headers.get("x-trace-id") != _PROBE_TRACE]


async def answer_to(base_url: str, data: bytes, *, method: str = "GET") -> Answer:
    """Returns the one response to a request; fails if there is another, or none."""
    found = await answers(base_url, data, method=method)
    assert len(found) == 1, found
    return found[0]


def require_refusal(answer: Answer, *statuses: int) -> None:
    """Fails unless this is a problem document of one of these statuses."""
    assert answer.status in statuses, (answer.status, answer.body[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-trace-id"]
    document = answer.json()
    assert set(document) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert document["status"] == answer.status


def _parsed(received: bytes, method: str) -> Iterator[Answer]:
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        status = int(start.split()[1])
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        if "transfer-encoding" in headers:
            body, _, received = received.partition(b"0\r\n\r\n")
        else:
            body, received = received[:length], received[length:]
        yield Answer(status, headers, body)
        method = "GET"


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
