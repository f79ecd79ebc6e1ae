"""States what the inference contract makes an inference service do."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from attrs import frozen

from chatcore.conversations.history import HistoryMessage
from chatcore.replies.sampling import Sampling


class ReplyEnd(StrEnum):
    """What happens after everything that a test scripted of a reply."""

    #: The response ends in good order.
    CLOSE = "close"
    #: The connection breaks.
    BREAK = "break"
    #: Nothing more comes, and the connection stays open.
    SILENCE = "silence"


@frozen(kw_only=True)
class ScriptedReply:
    """A reply as an inference service sends it, in whatever format it speaks."""

    #: The tokens, each sent in an event of its own.
    tokens: tuple[str, ...] = ()
    #: Whether the service then says that the reply is complete.
    is_complete: bool = True
    #: Another token, sent after all that in an event of its own; None for none.
    late: str | None = None
    #: Another token, sent in an event that breaks off before its end; None for none.
    cut_off: str | None = None
    end: ReplyEnd = ReplyEnd.CLOSE
    #: How many bytes go over the network at a time, where there is a network; None for all at once.
    packet_bytes: int | None = None


@frozen(kw_only=True)
class SeenGenerate:
    """A request for a reply, as the service saw it."""

    messages: tuple[HistoryMessage, ...]
    sampling: Sampling
    trace_id: str | None


class InferenceScript(Protocol):
    """An inference service whose conduct a test decides: a fake's own switches, or a real server on loopback.

    Until told otherwise the service can be reached. Each command holds from then on and replaces the one before.
    """

    def reply_with(self, reply: ScriptedReply) -> None:
        """Makes the service answer every request for a reply with this one."""
        ...

    def answer_with_an_error(self) -> None:
        """Makes the service answer every request for a reply with an error."""
        ...

    def answer_with_something_else(self) -> None:
        """Makes the service answer every request for a reply with success, and with something that is no reply."""
        ...

    def fall_silent(self) -> None:
        """Makes the service take every request and answer none."""
        ...

    async def go_away(self) -> None:
        """Makes every connection fail."""
        ...

    @property
    def seen(self) -> Sequence[SeenGenerate]:
        """Every request for a reply that came in, oldest first."""
        ...

    async def until_closed_early(self) -> None:
        """Returns when a caller has closed a reply's connection before the reply's end, or at once if one has."""
        ...
