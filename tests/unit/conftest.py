"""Provides a chat over in-memory storage, a frozen clock and an inference service that the test controls."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable

import pytest
import structlog
from attrs import field, frozen

from chatcore import AutoTitle, Chat, Conversation, Limits, Message, Sampling, Turn, User
from chatcore.ports import NullObserver
from chatcore.replies.lease import FinalState, Lease
from chatcore.replies.rescue import Rescue
from chatcore_memory import FrozenClock, InMemoryStorage
from tests.unit.inference_by_hand import InferenceByHand

ADA = User(id="ada")
BOB = User(id="bob")


def pytest_collection_finish() -> None:
    """Exempts everything that the collection made from garbage collection: it lives as long as the process."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Logs one plain line an event: structlog's default draws each traceback with its local variables, slowly."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )


class RecordingObserver(NullObserver):
    """Records the events it receives."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, Exception]] = []
        self.final_states: list[FinalState | None] = []
        self.first_tokens: list[float] = []
        self.recovered_states: list[FinalState] = []
        self.resumed_leases: list[Lease] = []
        self.handed_over_leases: list[Lease] = []
        self.reads_of_changes: list[int] = []

    def first_token(self, _lease: Lease, seconds: float) -> None:
        self.first_tokens.append(seconds)

    def generation_ended(self, _lease: Lease, final_state: FinalState | None, _trace_id: str | None) -> None:
        self.final_states.append(final_state)

    def handed_over(self, lease: Lease, _trace_id: str | None) -> None:
        self.handed_over_leases.append(lease)

    def recovered(self, _lease: Lease, final_state: FinalState) -> None:
        self.recovered_states.append(final_state)

    def resumed(self, lease: Lease) -> None:
        self.resumed_leases.append(lease)

    def changes_read(self, users: int, _seconds: float) -> None:
        self.reads_of_changes.append(users)

    def failed(self, what: str, error: Exception) -> None:
        self.failures.append((what, error))


@frozen
class World:
    """Is one process with its adapters; :meth:`replica` adds another process on the same storage."""

    clock: FrozenClock
    storage: InMemoryStorage
    inference: InferenceByHand = field(factory=InferenceByHand)
    observer: RecordingObserver = field(factory=RecordingObserver)
    chat: Chat = field(init=False)
    limits: Limits = field(factory=Limits)
    rescue: Rescue = Rescue.CONTINUE
    auto_title: AutoTitle = AutoTitle.TRUNCATE

    def __attrs_post_init__(self) -> None:
        chat = Chat(
            storage=self.storage,
            inference=self.inference,
            clock=self.clock,
            observer=self.observer,
            limits=self.limits,
            rescue=self.rescue,
            auto_title=self.auto_title,
        )
        object.__setattr__(self, "chat", chat)

    def replica(self, **others: object) -> "World":
        """Returns another process on the same storage."""
        return World(self.clock, self.storage, **others)  # type: ignore[arg-type]  # what a test overrides

    async def conversation(self, user: User = ADA) -> Conversation:
        """Creates an empty conversation."""
        return await self.chat.conversations.create(user)

    async def send(self, conversation: Conversation, content: str = "Hello", **options: object) -> Turn:
        """Sends a message as the conversation's user."""
        user = User(id=conversation.user_id)
        return await self.chat.turns.send(user, conversation.id, content, sampling=Sampling(), **options)  # type: ignore[arg-type]  # what a test overrides

    async def regenerate(self, conversation: Conversation, **options: object) -> Turn:
        """Regenerates the last reply as the conversation's user."""
        return await self.chat.turns.regenerate(User(id=conversation.user_id), conversation.id, **options)  # type: ignore[arg-type]  # what a test overrides

    async def reply(self, turn: Turn) -> Message:
        """Returns a turn's reply as it is stored."""
        return await self.storage.get_message(turn.reply.user_id, turn.reply.conversation_id, turn.reply.id)

    async def drained(self, grace_seconds: float = 0) -> None:
        """Drains the chat and advances the clock until the drain is done."""
        draining = asyncio.ensure_future(self.chat.drain(grace_seconds))
        async with asyncio.timeout(5):
            while not draining.done():
                await self.clock.elapse(1)
        await draining

    async def path(self, conversation: Conversation) -> list[str]:
        """Returns the contents of the messages that the user sees."""
        opened = await self.chat.conversations.open(User(id=conversation.user_id), conversation.id)
        return [message.content for message in await opened.messages()]


async def until(condition: Callable[[], object]) -> None:
    """Waits until the condition holds; fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - other tasks change the condition
            await asyncio.sleep(0)


def has_ended(turn: Turn) -> bool:
    """Returns whether the readers of a turn's reply have their end."""
    assert turn.generation is not None
    return turn.generation.transcript.end is not None


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = FrozenClock()
    made = World(clock, InMemoryStorage(clock))
    yield made
    made.chat.runner.hurry()
    made.storage.outage = False
    await made.drained()
