"""Limits and timeouts of a request's headers, byte by byte, and malformed HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    SETTINGS,
    LiveService,
    live_service,
    settings_with_requests,
)
from tests.integration.faults.waiting import eventually

PATIENCE_SECONDS = 10
MAX_HEADER_BYTES = SETTINGS.requests.max_header_bytes

POST = f"POST /api/conversations HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n".encode()
JSON = b"content-type: application/json\r\n"


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        yield service


async def exchange(service: LiveService, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Sends parts, one packet each; returns status, headers and body of the first response."""
    reader, writer = await service.connect()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            return await read_response(reader)
    finally:
        writer.close()


async def read_response(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name: value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, body


def padded(total: int) -> bytes:
    """Returns a request whose target and headers have `total` bytes as the service counts them."""
    fixed = len("/api/health") + len("host: x\r\n") + len("x-pad: \r\n")
    return b"GET /api/health HTTP/1.1\r\nhost: x\r\nx-pad: " + b"a" * (total - fixed) + b"\r\n\r\n"


async def test_headers_have_at_most_16_kibibytes(service: LiveService) -> None:
    at_the_edge, _, _ = await exchange(service, padded(MAX_HEADER_BYTES))
    past_it, headers, body = await exchange(service, padded(MAX_HEADER_BYTES + 1))

    assert (at_the_edge, past_it) == (200, 431)
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["code"] == "headers_too_large"


async def test_how_large_headers_may_be_is_a_setting() -> None:
    async with live_service(settings_with_requests(max_header_bytes=2000)) as service:
        at_the_edge, _, _ = await exchange(service, padded(2000))
        past_it, _, body = await exchange(service, padded(2001))

    assert (at_the_edge, past_it) == (200, 431)
    assert "2000 bytes" in json.loads(body)["detail"]


@pytest.mark.parametrize(
    "endless",
    [b"GET /" + b"a" * 100_000, b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 9000],
)
async def test_endless_headers_are_refused_before_their_end(service: LiveService, endless: bytes) -> None:
    pieces = [endless[start : start + 10_000] for start in (0, 10_000)]

    status, _, _ = await exchange(service, *pieces)
    assert status == 431


async def test_a_body_may_come_later_than_headers_of_the_permitted_size(service: LiveService) -> None:
    head = POST + JSON + b"content-length: 2\r\nexpect: 100-continue\r\nx-pad: "
    counted = len(head + b"\r\n") - len(b"POST  HTTP/1.1\r\n")
    reader, writer = await service.connect()
    async with asyncio.timeout(PATIENCE_SECONDS):
        # The service reads the head before any byte of the body is sent.
        writer.write(head + b"a" * (MAX_HEADER_BYTES - counted) + b"\r\n\r\n")
        await reader.readuntil(b" 100 Continue\r\n\r\n")
        writer.write(b"{}")
        assert (await read_response(reader))[0] == 201
    writer.close()


async def test_a_second_request_on_a_connection_is_bounded_alike(service: LiveService) -> None:
    reader, writer = await service.connect()
    statuses = []
    for size in (MAX_HEADER_BYTES, MAX_HEADER_BYTES, MAX_HEADER_BYTES + 1):
        writer.write(padded(size))
        statuses.append((await read_response(reader))[0])
    writer.close()

    assert statuses == [200, 200, 431]


@pytest.mark.parametrize("sent", [b"GET /api/health HT", b"GET /api/health HTTP/1.1\r\nhost: x\r\n"])
async def test_headers_that_do_not_come_are_not_waited_for(
    sent: bytes,
) -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.1)) as service:
        status, headers, body = await exchange(service, sent)

    assert (status, headers["connection"]) == (408, "close")
    assert json.loads(body)["code"] == "header_timeout"


async def test_a_silent_connection_is_closed_without_a_response() -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.1)) as service:
        reader, writer = await service.connect()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + JSON + b"content-length: 10\r\n\r\n{",
        POST + JSON + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
)
async def test_a_body_that_does_not_come_is_not_waited_for(request_bytes: bytes) -> None:
    async with live_service(settings_with_requests(body_timeout_seconds=0.1)) as service:
        status, headers, body = await exchange(service, request_bytes)

    assert (status, headers["connection"]) == (408, "close")
    assert json.loads(body)["code"] == "body_timeout"


async def test_a_chunked_body_is_counted_while_it_comes(service: LiveService) -> None:
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"

    status, headers, _ = await exchange(
        service, POST + JSON + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 8, b"1\r\n \r\n"
    )
    assert (status, headers["connection"]) == (413, "close")


async def test_a_body_declared_too_large_is_not_read(service: LiveService) -> None:
    status, _, _ = await exchange(service, POST + JSON + b"content-length: 262145\r\n\r\n")

    assert status == 413


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: a\x00b\r\n\r\n",
        POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        POST + b"content-length: -1\r\n\r\n{}",
        POST + b"content-length: +2\r\n\r\n{}",
        POST + b"content-length: 99999999999999999999999\r\n\r\n{}",
        POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
async def test_malformed_http_is_answered_with_a_problem_and_ends_the_connection(
    service: LiveService, garbage: bytes
) -> None:
    status, headers, body = await exchange(service, garbage)

    assert (status, headers["connection"]) == (400, "close")
    assert json.loads(body)["status"] == 400


@pytest.mark.parametrize("name", [b"x-trace-id", b"X-Request-ID"])
@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"bad header\r\n\r\n", 400),
        (b"x: " + b"a" * 100_000, 431),
        (b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}", 400),
        (b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"", 408),
    ],
)
async def test_an_early_refusal_has_the_callers_trace_id(name: bytes, rest: bytes, status: int) -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.2)) as service:
        # The parser reports a header when the next one begins.
        refused = await exchange(service, POST + name + b": of-the-caller\r\n" + JSON + rest)

    assert (refused[0], refused[1]["x-trace-id"]) == (status, "of-the-caller")


REFUSED_EARLY = {
    400: POST + b"x-trace-id: of-the-caller\r\n" + JSON + b"bad header\r\n\r\n",
    408: POST + b"x-trace-id: of-the-caller\r\nhost: x\r\n",
    431: POST + b"x-trace-id: of-the-caller\r\nx: " + b"a" * 100_000,
}


@pytest.mark.parametrize("status", REFUSED_EARLY)
async def test_an_early_refusal_has_the_headers_of_every_response(status: int) -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.2)) as service:
        _, ordinary, _ = await exchange(service, b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n")
        refused = await exchange(service, REFUSED_EARLY[status])

    of_the_one = ("date", "vary", "x-trace-id", "content-length")
    assert refused[0] == status
    assert refused[1].items() >= {(name, value) for name, value in ordinary.items() if name not in of_the_one}


@pytest.mark.parametrize("origin", [b"", b"origin: http://localhost:3000\r\n", b"origin: http://elsewhere.test\r\n"])
@pytest.mark.parametrize("status", REFUSED_EARLY)
async def test_a_script_may_read_an_early_refusal_like_any_response(status: int, origin: bytes) -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.2)) as service:
        _, ordinary, _ = await exchange(service, b"GET /nothing HTTP/1.1\r\nhost: x\r\n" + origin + b"\r\n")
        refused = await exchange(service, REFUSED_EARLY[status].replace(b"x-trace-id", origin + b"x-trace-id"))

    def for_scripts(headers: dict[str, str]) -> set[tuple[str, str]]:
        return {
            (name, value) for name, value in headers.items() if name.startswith("access-control-") or name == "vary"
        }

    assert refused[0] == status
    assert for_scripts(refused[1]) == for_scripts(ordinary)
    assert ("access-control-allow-origin" in refused[1]) is (b"localhost" in origin)


OF_THE_CALLER = b"Origin: http://localhost:3000\r\nX-Request-ID: of-the-caller\r\n\r\n"
LONG = b"a" * (MAX_HEADER_BYTES + 1)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GE T / HTTP/1.1\r\n", 400),
        (b"GET / HTTP/1.1\r\nbad header\r\n", 400),
        (POST + b"transfer-encoding: gzip\r\n", 400),
        (b"GET /" + LONG + b" HTTP/1.1\r\n", 431),
        (b"GET / HTTP/1.1\r\nx: " + LONG + b"\r\n", 431),
    ],
)
async def test_a_script_may_read_a_refusal_whose_cause_precedes_the_origin(
    service: LiveService, head: bytes, status: int
) -> None:
    refused = await exchange(service, head + OF_THE_CALLER)

    assert refused[0] == status
    assert refused[1]["access-control-allow-origin"] == "http://localhost:3000"
    assert refused[1]["x-trace-id"] == "of-the-caller"


async def test_a_refusal_within_a_body_takes_no_header_from_the_body(service: LiveService) -> None:
    chunk = b"%x\r\n\n%b\r\n" % (len(OF_THE_CALLER) + 1, OF_THE_CALLER)

    status, headers, _ = await exchange(
        service, POST + JSON + b"transfer-encoding: chunked\r\n\r\n" + chunk + b"zz\r\n"
    )

    assert status == 400
    assert headers["x-trace-id"] != "of-the-caller"
    assert "access-control-allow-origin" not in headers


async def test_a_refusal_takes_no_header_from_the_next_request(service: LiveService) -> None:
    status, headers, _ = await exchange(service, b"FOO / HTTP/1.1\r\nhost: x\r\n\r\n" + POST + OF_THE_CALLER)

    assert status == 400
    assert headers["x-trace-id"] != "of-the-caller"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("status", REFUSED_EARLY)
async def test_an_early_refusal_is_logged_and_counted(status: int) -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.2)) as service:
        with capture_logs() as lines:
            await exchange(service, REFUSED_EARLY[status])
        figures = answered(service)

    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["status_code"], line["trace_id"]) == (status, "of-the-caller")
    assert figures == [f'{{method="unknown",route="unknown",status="{status}"}} 1.0']


async def test_a_refusal_within_the_body_is_logged_and_counted_once(service: LiveService) -> None:
    with capture_logs() as lines:
        status, _, _ = await exchange(service, POST + JSON + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n")
        await eventually(lambda: answered(service), within=PATIENCE_SECONDS, what="it is counted")

    assert status == 400
    assert [line["path"] for line in lines if line["event"] == "request"] == ["/api/conversations"]
    assert answered(service) == ['{method="POST",route="/api/conversations",status="400"} 1.0']


async def test_a_connection_closed_without_a_response_is_not_logged_or_counted() -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.1)) as service:
        with capture_logs() as lines:
            reader, writer = await service.connect()
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await reader.read() == b""
            writer.close()
        figures = answered(service)

    assert (lines, figures) == ([], [])


def answered(service: LiveService) -> list[str]:
    """Returns the metrics of the requests answered so far."""
    name = "http_requests_total"
    lines = service.container.metrics().exposition().decode().splitlines()
    return [line.removeprefix(name) for line in lines if line.startswith(name)]


async def test_white_space_around_a_header_value_is_stripped(service: LiveService) -> None:
    padded = POST.replace(b"token-of-alice", b"token-of-alice \t") + b"x-trace-id:\t a \r\n"

    created = await exchange(service, padded + b"content-length: 0 \r\n\r\n")
    refused = await exchange(service, padded + JSON + b"bad header\r\n\r\n")
    assert (created[0], created[1]["x-trace-id"]) == (201, "a")
    assert (refused[0], refused[1]["x-trace-id"]) == (400, "a")


@pytest.mark.parametrize("trace", [b"", b"x-trace-id: a b\r\n"])
async def test_an_early_refusal_always_has_a_trace_id(service: LiveService, trace: bytes) -> None:
    _, headers, _ = await exchange(service, POST + trace + b"bad header\r\n\r\n")

    assert len(headers["x-trace-id"]) == 32


async def test_a_refusal_is_not_traced_by_the_request_before_it(service: LiveService) -> None:
    reader, writer = await service.connect()
    writer.write(b"GET /api/health HTTP/1.1\r\nhost: x\r\nx-trace-id: before\r\n\r\n")
    first = await read_response(reader)
    writer.write(b"\x00garbage\r\n\r\n")
    second = await read_response(reader)
    writer.close()

    assert (first[1]["x-trace-id"], second[0]) == ("before", 400)
    assert second[1]["x-trace-id"] != "before"


async def test_a_chunk_of_no_size_ends_the_connection_and_stores_nothing(service: LiveService) -> None:
    status, _, _ = await exchange(service, POST + JSON + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n")

    listed = (await service.client.get("/api/conversations", headers=ALICE)).json()
    assert status == 400
    assert listed["items"] == []


@pytest.mark.parametrize(
    "target", [b"/api/health", b"http://elsewhere.test/api/health", b"/api/health?x=%00%ff&y", b"/api/%68ealth"]
)
@pytest.mark.parametrize("host", [b"x", b"a/b?c#d", b"evil@x", b""])
async def test_neither_host_nor_the_form_of_the_target_changes_what_is_answered(
    service: LiveService, target: bytes, host: bytes
) -> None:
    status, _, body = await exchange(service, b"GET " + target + b" HTTP/1.1\r\nhost: " + host + b"\r\n\r\n")

    assert (status, json.loads(body)["status"]) == (200, "ok")


@pytest.mark.parametrize("host", [b"x/api/health", b"x?/api/health", b"x#"])
async def test_no_host_leads_past_authentication(service: LiveService, host: bytes) -> None:
    status, _, _ = await exchange(service, b"GET /api/conversations HTTP/1.1\r\nhost: " + host + b"\r\n\r\n")

    assert status == 401


async def test_a_caller_may_wait_for_100_continue(service: LiveService) -> None:
    reader, writer = await service.connect()
    writer.write(POST + JSON + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await read_response(reader))[0] == 201
    writer.close()


async def test_an_upgrade_is_not_taken(service: LiveService) -> None:
    status, _, _ = await exchange(
        service,
        b"GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\n"
        b"upgrade: h2c\r\nhttp2-settings: \r\n\r\n",
    )

    assert status == 200


async def test_two_requests_in_one_packet_are_answered_in_order(service: LiveService) -> None:
    reader, writer = await service.connect()
    writer.write(b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\nGET /nothing HTTP/1.1\r\nhost: x\r\n\r\n")
    statuses = [(await read_response(reader))[0] for _ in range(2)]
    writer.close()

    assert statuses == [200, 404]


async def test_http_1_0_is_answered_and_the_connection_closed(service: LiveService) -> None:
    status, headers, _ = await exchange(service, b"GET /api/health HTTP/1.0\r\n\r\n")

    assert (status, headers["connection"]) == (200, "close")
