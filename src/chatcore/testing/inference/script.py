"""Defines the protocol by which the inference contract controls an inference service."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from attrs import frozen

from chatcore.conversations.history import HistoryMessage
from chatcore.replies.sampling import Sampling


class ReplyEnd(StrEnum):
    """Names the events after the scripted part of a reply."""

    #: The response ends in good order.
    CLOSE = "close"
    #: The connection breaks.
    BREAK = "break"
    #: The service sends no more, and the connection stays open.
    SILENCE = "silence"


@frozen(kw_only=True)
class ScriptedReply:
    """A reply as an inference service sends it, in the format that the service speaks."""

    #: The tokens, each sent in an event of its own.
    tokens: tuple[str, ...] = ()
    #: The message of an error that the model then reports; None for no error.
    error: str | None = None
    #: Whether the service then says that the reply is complete.
    is_complete: bool = True
    #: Another token, sent after all other tokens in an event of its own; None for no such token.
    late: str | None = None
    #: Another token, sent in an event that breaks off before its end; None for no such token.
    cut_off: str | None = None
    end: ReplyEnd = ReplyEnd.CLOSE
    #: How many bytes go over the network at a time, if there is a network; None for all at once.
    packet_bytes: int | None = None


@frozen(kw_only=True)
class SeenGenerate:
    """A request for a reply, as the service saw it."""

    messages: tuple[HistoryMessage, ...]
    sampling: Sampling
    trace_id: str | None


class InferenceScript(Protocol):
    """Controls an inference service, which is a fake or a real server on loopback.

    Initially the service can be reached, and answers with a complete reply. Each command holds from then on and
    replaces the one before.
    """

    def reply_with(self, reply: ScriptedReply) -> None:
        """Makes the service answer every request for a reply with `reply`."""
        ...

    def answer_with_an_error(self) -> None:
        """Makes the service answer every request for a reply with an error."""
        ...

    def answer_with_something_else(self) -> None:
        """Makes the service answer every request for a reply with success, and with data that is not a reply."""
        ...

    def fall_silent(self) -> None:
        """Makes the service accept every request and answer none."""
        ...

    async def go_away(self) -> None:
        """Makes every connection fail."""
        ...

    @property
    def seen(self) -> Sequence[SeenGenerate]:
        """Returns every request for a reply that came in, oldest first."""
        ...

    async def until_closed_early(self) -> None:
        """Returns once a caller has closed the connection of a reply before the end of the reply."""
        ...
