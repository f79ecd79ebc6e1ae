"""Time limits at their edges: input that arrives just in time is accepted, and later input is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
from attrs import evolve
from starlette.requests import Request
from starlette.types import Message
from tests.unit import virtual_time
from tests.unit.adapters.chatcore_inference.test_client import REQUEST, STREAM
from tests.unit.entrypoints.chatcore_service.http_service import SETTINGS
from uvicorn import Config
from uvicorn.server import ServerState

from chatcore.errors import InferenceTimeoutError
from chatcore.ports import Frame
from chatcore_inference import InferenceClient
from chatcore_memory import DONE_FRAME as DONE
from chatcore_memory import token_frame
from chatcore_service.container import Container
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.refusals import BodyTimeoutError
from chatcore_service.server.protocol import protocol_of
from chatcore_service.settings import Settings

# The watchdog checks all replies once a second.
CHECK_SECONDS = 1.0
TOKEN = token_frame("a")

COMMENT = b": comment\n\n"

Timed = tuple[float, bytes]


class Service(httpx.AsyncByteStream):
    """A reply whose parts arrive after the given delays."""

    def __init__(self, *parts: Timed) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for seconds, part in self._parts:
            await asyncio.sleep(seconds)
            yield part


async def generate(*parts: Timed) -> tuple[int, float]:
    """Returns how many frames arrived within the settings' timeouts, and after how many seconds the reply ended."""

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=STREAM, stream=Service(*parts))

    timeouts = Container(settings=SETTINGS).inference()._timeouts  # type: ignore[attr-defined] # white box
    frames: list[Frame] = []
    began = asyncio.get_running_loop().time()
    async with InferenceClient(
        "http://inference.test", None, timeouts=timeouts, transport=httpx.MockTransport(answer)
    ) as client:
        try:
            await client.generate(REQUEST, frames.append)
        except InferenceTimeoutError:
            assert not frames or not frames[-1].is_closing
        else:
            assert frames[-1].is_closing
    return len(frames), asyncio.get_running_loop().time() - began


@pytest.mark.parametrize(
    ("in_time", "too_late", "limit"),
    [
        pytest.param([(59.0, TOKEN), (0, DONE)], [(61.5, TOKEN), (0, DONE)], 60, id="first token"),
        pytest.param([(40, COMMENT), (19, DONE)], [(40, COMMENT), (40, DONE)], 60, id="a comment is no token"),
        pytest.param([(1, TOKEN), (59.0, DONE)], [(1, TOKEN), (61.5, DONE)], 61, id="silence"),
        pytest.param([(1, TOKEN), (40, COMMENT), (19, DONE)], [(1, TOKEN), *[(40, COMMENT)] * 9], 61, id="comments"),
        pytest.param([*[(50, TOKEN)] * 17, (49.9, DONE)], [*[(50, TOKEN)] * 17, (50.1, DONE)], 900, id="in all"),
    ],
)
def test_a_model_is_waited_for_as_long_as_the_settings_say_and_no_longer(
    in_time: Sequence[Timed], too_late: Sequence[Timed], limit: float
) -> None:
    frames, seconds = virtual_time.run(generate(*in_time))
    assert frames == len(in_time)
    assert seconds == pytest.approx(sum(wait for wait, _ in in_time))

    frames, seconds = virtual_time.run(generate(*too_late))
    assert frames < len(too_late)
    assert limit <= seconds <= limit + CHECK_SECONDS + 0.01


@pytest.mark.parametrize("seconds", [9.9, 10.1])
def test_a_body_has_ten_seconds(seconds: float) -> None:
    async def receive() -> Message:
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    request = Request({"type": "http", "headers": [(b"content-type", b"application/json")]}, receive)
    reading = BodyReader(SETTINGS.requests).read(request)
    if seconds < SETTINGS.requests.body_timeout_seconds:
        assert virtual_time.run(reading) == b"{}"
    else:
        with pytest.raises(BodyTimeoutError):
            virtual_time.run(reading)


class Wire(asyncio.Transport):
    """Records what the protocol writes, and whether it has closed the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


async def _answer(_scope: object, _receive: object, send: Callable[[dict[str, Any]], Any]) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def converse(*parts: Timed, settings: Settings = SETTINGS) -> bytes:
    """Returns the response to a request whose parts arrive after the given delays."""
    config = Config(_answer, log_config=None, lifespan="off")
    config.load()
    protocol = protocol_of(settings)(config, ServerState(), {})
    wire = Wire()
    protocol.connection_made(wire)
    for seconds, part in parts:
        await asyncio.sleep(seconds)
        protocol.data_received(part)
    await asyncio.sleep(0.05)
    protocol.connection_lost(None)
    return wire.written


@pytest.mark.parametrize("before", [[], [(1, b"GET / HTTP/1.1\r\nhost: y\r\n\r\n")]], ids=["first", "second"])
def test_the_headers_of_a_request_have_ten_seconds(before: list[Timed]) -> None:
    begun = (0.1, b"GET / HTTP/1.1\r\nhost: x\r\n")
    # The time runs from the first byte, and for the first request of a connection from the connection.
    answers = [
        virtual_time.run(converse(*before, begun, (9.8, b"\r\n"))),
        virtual_time.run(converse(*before, begun, (10.1, b"\r\n"))),
    ]

    assert [answer.rpartition(b"HTTP/1.1 ")[2][:3] for answer in answers] == [b"204", b"408"]


@pytest.mark.parametrize(("seconds", "is_open"), [(9.9, True), (10.1, False)])
def test_a_connection_has_ten_seconds_for_its_first_request(seconds: float, *, is_open: bool) -> None:
    answer = virtual_time.run(converse((seconds, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")))

    assert answer.startswith(b"HTTP/1.1 204") is is_open
    assert bool(answer) is is_open


GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize("before", [[], [(70.0, b"\r\n")]], ids=["silence", "an empty line"])
@pytest.mark.parametrize(("seconds", "count"), [(74.9, 2), (75.1, 1)])
def test_an_idle_connection_has_75_seconds_for_its_next_request(
    before: list[Timed], seconds: float, count: int
) -> None:
    answers = virtual_time.run(converse((1, GET), *before, (seconds, GET)))

    assert answers.count(b"HTTP/1.1 204") == count


def test_the_time_of_an_idle_connection_is_a_setting() -> None:
    settings = evolve(SETTINGS, connections=evolve(SETTINGS.connections, keep_alive_seconds=0.5))
    in_time, too_late = (
        virtual_time.run(converse((1, GET), (seconds, GET), settings=settings)) for seconds in (0.4, 0.6)
    )

    assert [answers.count(b"HTTP/1.1 204") for answers in (in_time, too_late)] == [2, 1]
