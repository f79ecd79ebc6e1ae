"""What clients did, what they were told, and what they have read: the history that the oracle judges."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from attrs import Factory, define, field

from chatcore.conversations.parts import PartKind
from tests.integration.faults.event_stream import StreamEvent
from tests.integration.faults.reply_log import Log


class Outcome(StrEnum):
    """What a client knows of something that it asked for."""

    #: It is done.
    OK = "ok"
    #: It is not done, and never will be.
    FAIL = "fail"
    #: Nobody told: it may be done, or be done yet.
    INFO = "info"


@define(eq=False)
class Sent:
    """A user message, from the moment at which it was sent; `content` is sent once in all the history."""

    user_id: str
    conversation_id: str
    content: str
    key: str | None = None
    outcome: Outcome = Outcome.INFO
    reply_id: str | None = None
    #: Monotonic seconds.
    sent_at: float = field(factory=time.monotonic)
    told_at: float | None = None
    #: Whether one of the tries went without an answer: it may still be under way, and take effect after a refusal.
    is_loose: bool = False

    def told(self, outcome: Outcome, reply_id: str | None = None) -> None:
        """Notes the answer to a try. Once it is known to be done, no later answer can take that back."""
        self.is_loose |= outcome is Outcome.INFO
        if self.outcome is not Outcome.OK and not (outcome is Outcome.FAIL and self.is_loose):
            self.outcome, self.told_at = outcome, time.monotonic()
        if reply_id is not None:
            assert self.reply_id in {None, reply_id}, f"two replies to one message: {self.reply_id} and {reply_id}"
            self.reply_id = reply_id


@define(eq=False)
class Reading:
    """What one reader has pieced together of one reply."""

    user_id: str
    conversation_id: str
    reply_id: str
    log: Log = Factory(Log)
    #: The generation of the reply that the reader was shown last.
    generation: int = 1
    #: As it came over the wire, comments left out.
    raw: bytearray = Factory(bytearray)
    #: Whether the closing frame came, or that there is nothing more.
    is_done: bool = False
    #: Whether the reader was told to come back.
    is_told_to_reconnect: bool = False
    #: Why the reply is not complete.
    error: str | None = None
    rewinds: list[int] = Factory(list)
    #: When the log last grew, in monotonic seconds.
    grown_at: float = 0.0

    @property
    def text(self) -> str:
        """Returns the text of what the reader has pieced together."""
        return self.log.text

    @property
    def place(self) -> str:
        """Returns the id under which the reader comes back."""
        return f"{len(self.log)}" if self.generation == 1 else f"{len(self.log)}-{self.generation}"

    def show(self, message: Mapping[str, object]) -> None:
        """Takes what a document of the reply shows."""
        self.log = _shown(message)
        assert self.text == message["content"], f"{self.text!r} in the parts of {message}"
        self.generation = int(str(message["stream_id"]).partition("-")[2] or 1)
        assert self.place == message["stream_id"], f"{message['stream_id']} for {len(self.log)} code points"

    def take(self, event: StreamEvent) -> None:
        """Takes the next event, as a reader does that trusts nobody."""
        assert not self.is_done, f"something after the closing frame: {event.raw!r}"
        if event.comment is not None:
            self.is_told_to_reconnect = event.comment == "reconnect"
            return
        self.raw += event.raw
        if event.rewind is not None:
            assert event.rewind <= len(self.log), "a rewind to what was never shown"
            self.rewinds.append(event.rewind)
            self.log = self.log.until(event.rewind)
        if event.part is not None:
            self.log = self.log.with_more(*event.part)
            self.grown_at = time.monotonic()
        assert event.id in {None, len(self.log)}, f"the id {event.id} after {len(self.log)} code points"
        if event.generation is not None:
            assert event.generation >= self.generation, f"an earlier generation than {self.generation}: {event.raw!r}"
            self.generation = event.generation
        self.error = event.error or self.error
        self.is_done = event.is_done


def _shown(message: Mapping[str, object]) -> Log:
    parts = message.get("parts", [{"type": "text", "text": message["content"]}])
    assert isinstance(parts, list)
    log = Log()
    for part in parts:
        body = part["text"] if "text" in part else json.dumps(part["data"], separators=(",", ":"), ensure_ascii=False)
        log = log.with_more(PartKind(part["type"]), body)
    return log


@define(eq=False)
class Ledger:
    """All of it."""

    sent: list[Sent] = Factory(list)
    readings: list[Reading] = Factory(list)
    #: Conversations that were deleted, or may have been: nothing of them is owed to anybody.
    deleted: set[str] = Factory(set)
    #: Who made which conversation.
    owners: dict[str, str] = Factory(dict)
    #: What the oracle has seen of each conversation over HTTP, so that it need not look again when nothing is new.
    seen: dict[str, object] = Factory(dict)

    #: How many replies to a message were deleted, by its text: the model was asked for each of them.
    deleted_replies: Counter[str] = Factory(Counter)

    def forget_message(self, conversation_id: str, content: str) -> None:
        """Takes a message out of the history that its user has deleted."""
        self.sent = [sent for sent in self.sent if (sent.conversation_id, sent.content) != (conversation_id, content)]

    def forget_reply(self, reply_id: str, prompt: str) -> None:
        """Takes a reply out of the history that its user has deleted."""
        self.readings = [reading for reading in self.readings if reading.reply_id != reply_id]
        self.deleted_replies[prompt] += 1

    def acknowledged(self) -> list[Sent]:
        """Returns the messages that must be there."""
        return [sent for sent in self.sent if sent.outcome is Outcome.OK and sent.conversation_id not in self.deleted]
