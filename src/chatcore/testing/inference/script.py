"""What the inference contract makes an inference service do."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from attrs import frozen

from chatcore.conversations.history import HistoryMessage
from chatcore.replies.sampling import Sampling


class ReplyEnd(StrEnum):
    """What happens after the last frame that a test scripted."""

    #: The reply ends in good order.
    CLOSE = "close"
    #: The connection breaks.
    BREAK = "break"
    #: Nothing more comes, and the connection stays.
    SILENCE = "silence"


@frozen(kw_only=True)
class SeenGenerate:
    """A request for a reply, as the service saw it."""

    messages: tuple[HistoryMessage, ...]
    sampling: Sampling
    trace_id: str | None


class InferenceScript(Protocol):
    """An inference service whose conduct a test decides: a fake's own switches, or a real server on loopback.

    Until told otherwise it can be reached. Each command holds from now on, and takes the place of the one before.
    """

    def send(self, *frames: bytes, end: ReplyEnd = ReplyEnd.CLOSE, packet_bytes: int | None = None) -> None:
        """Every request for a reply is answered with these frames as an event stream.

        Args:
            frames: each closed by its blank line, but for a last one that is to break off.
            end: what happens then.
            packet_bytes: how many bytes go over the network at a time, where there is one; None for all of a frame.
        """
        ...

    def answer(self, status: int, body: bytes, media_type: str) -> None:
        """Every request of any kind is answered so."""
        ...

    def fall_silent(self) -> None:
        """Every request of any kind is taken and never answered."""
        ...

    async def go_away(self) -> None:
        """No connection can be made."""
        ...

    @property
    def seen(self) -> Sequence[SeenGenerate]:
        """Every request for a reply that came in, oldest first."""
        ...

    async def until_closed_early(self) -> None:
        """Returns when a caller has closed a reply's connection before the reply's end, or at once if one has."""
        ...
