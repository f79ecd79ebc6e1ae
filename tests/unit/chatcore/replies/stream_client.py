"""Reads the stream of a reply as a client does."""

import json

from attrs import define, field
from tests.unit.conftest import ADA, World

from chatcore import Part, PartKind, Reader, Stretch, Turn
from chatcore.conversations.places import Place
from chatcore_service.streaming.sse import LogEncoder

_KEYS = {"token": PartKind.TEXT, "reasoning": PartKind.REASONING}


@define
class Client:
    """Reads a stream as a browser does: it keeps the log and the last id, and does what rewinds say."""

    #: A kind and a code point for each position of the log; a data part begins with its kind and goes on with None.
    log: list[tuple[PartKind | None, str]] = field(factory=list[tuple[PartKind | None, str]])
    place: Place = field(default=Place(0))
    rewinds: list[int] = field(factory=list[int])
    has_ended: bool = False

    def take(self, reader: Reader[Stretch]) -> None:
        """Takes everything that is ready for the reader."""
        encoder = LogEncoder(self.place)
        frames = [frame for chunk in iter(reader.take, None) for frame in encoder.encode(chunk)]
        if reader.end is not None and not reader.end.reconnect:
            frames.append(encoder.end(reader.end))
        for event in b"".join(frames).decode().split("\n\n")[:-1]:
            self._receive(event)

    def _receive(self, event: str) -> None:
        id_, data = (line.partition(": ")[2] for line in event.split("\n"))
        payload = json.loads(data)
        if "rewind" in payload:
            self.rewinds.append(payload["rewind"])
            del self.log[payload["rewind"] :]
        elif "done" in payload:
            self.has_ended = True
        elif "error" not in payload:
            (key, value), *_ = payload.items()
            kind = _KEYS.get(key)
            body = data if kind is None else value
            self.log += [
                (kind or PartKind.DATA if kind or not index else None, char) for index, char in enumerate(body)
            ]
        position, _, generation = id_.removesuffix("-end").partition("-")
        self.place = Place(int(position), int(generation or 1))
        assert self.place.position == len(self.log)

    @property
    def text(self) -> str:
        """Returns the text of the log."""
        return "".join(char for kind, char in self.log if kind is PartKind.TEXT)

    @property
    def parts(self) -> list[Part]:
        """Returns the parts of the log."""
        parts: list[Part] = []
        for kind, char in self.log:
            if kind is None or (parts and parts[-1].kind is kind is not PartKind.DATA):
                parts[-1] = Part(parts[-1].kind, parts[-1].body + char)
            else:
                parts.append(Part(kind, char))
        return parts

    async def connect(self, world: World, turn: Turn) -> Reader[Stretch]:
        """Follows a reply from where the client left off."""
        reply = turn.reply
        reader = await world.chat.turns.follow(
            ADA, reply.conversation_id, reply.id, offset=self.place.position, generation=self.place.generation
        )
        assert reader is not None
        return reader
