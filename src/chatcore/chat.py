"""Builds the core from its ports, and starts and drains its background work."""

import asyncio
from collections.abc import Collection, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

from attrs import field, frozen

from chatcore.conversations.conversation import PLACEHOLDER_TITLES
from chatcore.conversations.history import HistoryLimits
from chatcore.conversations.titles import AutoTitle
from chatcore.conversations.trees import Trees
from chatcore.conversations.use_cases import Conversations
from chatcore.failure_log import FailureLog
from chatcore.input_limits import InputLimits
from chatcore.pending_work import Chore, PendingWork, purge
from chatcore.ports import Clock, Inference, Observer, Storage
from chatcore.ports.changes import DELETION_HOURS
from chatcore.replies.background import Background
from chatcore.replies.checkpoints import Checkpointer
from chatcore.replies.follower import Follower
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.idempotency import KEPT_HOURS
from chatcore.replies.interruption import Interruption
from chatcore.replies.lease import OwnerId
from chatcore.replies.model_titles import ModelTitles
from chatcore.replies.recovery import OrphanRecovery
from chatcore.replies.rescue import Rescue, RescuePolicy
from chatcore.replies.stopping import Stopper
from chatcore.replies.turn_starter import TurnStarter
from chatcore.replies.turns import Turns
from chatcore.retention import Retention
from chatcore.search.indexer import SearchIndexer
from chatcore.search.use_cases import Search
from chatcore.sync.feeds import Feeds
from chatcore.timed_wait import wait_at_most
from chatcore.transfers.use_cases import Transfers

#: How long running replies may take to finish when the process shuts down.
DRAIN_SECONDS = 20.0
_MOST_CANCELLATIONS = 5
_CANCELLATION_SECONDS = 1.0


@frozen(kw_only=True)
class Limits:
    """Bounds what a user sends, the running replies of each user, and the history that the model sees."""

    inputs: InputLimits = field(factory=InputLimits)
    history: HistoryLimits = field(factory=HistoryLimits)
    #: How many replies a user may have in generation at once, across all processes.
    generations_per_user: int = 8


class Chat:
    """Offers conversations, turns and feeds over the given ports, and runs the background work that they rely on.

    Use an instance as an asynchronous context manager, or call :meth:`start` and :meth:`drain`::

        async with Chat(storage=storage, inference=inference, clock=clock) as chat:
            conversation = await chat.conversations.create(user)
            turn = await chat.turns.send(user, conversation.id, "Hello")

    Without an observer, failures of the background work go to the standard log: see
    :class:`chatcore.failure_log.FailureLog`. The caller opens and closes the ports. They must stay open from
    :meth:`start` until :meth:`drain` returns.
    """

    def __init__(  # noqa: PLR0913 - an option for each choice of the caller
        self,
        *,
        storage: Storage,
        inference: Inference,
        clock: Clock,
        observer: Observer | None = None,
        limits: Limits | None = None,
        placeholder_titles: Collection[str] = PLACEHOLDER_TITLES,
        rescue: Rescue = Rescue.CONTINUE,
        auto_title: AutoTitle = AutoTitle.TRUNCATE,
        retention: timedelta | None = None,
    ) -> None:
        observer = observer or FailureLog()
        limits = limits or Limits()
        owner_id = OwnerId(uuid4())
        policy = RescuePolicy(rescue=rescue, can_continue=inference.can_continue)
        background = Background(clock=clock, observer=observer)
        self.runner = GenerationRunner(
            background, storage=storage, inference=inference, clock=clock, observer=observer, policy=policy
        )
        self.checkpointer = Checkpointer(
            self.runner, storage=storage, clock=clock, observer=observer, owner_id=owner_id
        )
        self.recovery = OrphanRecovery(
            self.runner,
            storage=storage,
            clock=clock,
            observer=observer,
            owner_id=owner_id,
            policy=policy,
            history_limits=limits.history,
        )
        self.indexer = SearchIndexer(index=storage, clock=clock)
        self.search = Search(index=storage)
        self.pending_work = PendingWork(
            [
                Chore(self.recovery.recover_all),
                Chore(self.indexer.index_some),
                purge(storage.purge_idempotency_keys, age=timedelta(hours=KEPT_HOURS)),
                # Clients may ask for deletions up to their last second.
                purge(storage.purge_deletions, age=timedelta(hours=DELETION_HOURS + 1)),
                *_retention(retention, storage=storage, clock=clock, observer=observer),
            ],
            storage=storage,
            clock=clock,
            observer=observer,
            is_draining=lambda: self.runner.is_draining,
            on_return=self.recovery.let_owners_renew,
        )
        self.feeds = Feeds(storage=storage, clock=clock, observer=observer)
        self.follower = Follower(self.runner, storage=storage, clock=clock, observer=observer)
        self.conversations = Conversations(
            storage=storage,
            deletions=storage,
            clock=clock,
            on_deleted=self.runner.cancel_deleted,
            placeholder_titles=frozenset(placeholder_titles),
            limits=limits.inputs,
        )
        self.trees = Trees(storage)
        self.transfers = Transfers(storage=storage, conversations=self.conversations)
        model_titles = ModelTitles(
            background=background,
            storage=storage,
            inference=inference,
            clock=clock,
            observer=observer,
            limits=limits.inputs,
        )
        stopper = Stopper(storage=storage, clock=clock, runner=self.runner)
        self.turns = Turns(
            storage=storage,
            clock=clock,
            runner=self.runner,
            starter=TurnStarter(
                storage=storage,
                clock=clock,
                background=background,
                runner=self.runner,
                history_limits=limits.history,
                model_titles=model_titles if auto_title is AutoTitle.MODEL else None,
            ),
            follower=self.follower,
            stopper=stopper,
            interruption=Interruption(storage=storage, clock=clock, stopper=stopper),
            owner_id=owner_id,
            input_limits=limits.inputs,
            history_limits=limits.history,
            max_generations=limits.generations_per_user,
            can_continue=inference.can_continue,
        )
        self._clock = clock
        self._background: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts the checkpoints and the sweeps for pending work. Call it once, in a running event loop."""
        self._background = [
            asyncio.create_task(self.checkpointer.run(), name="checkpoints"),
            asyncio.create_task(self.pending_work.run(), name="pending work"),
        ]

    async def drain(self, grace_seconds: float = DRAIN_SECONDS) -> None:
        """Accepts no more turns, finishes or hands over every running reply, and stops the background work.

        Running replies have `grace_seconds` to finish. After that they are handed over to another process, or stored as
        interrupted where none could go on with them, and their readers are told to reconnect. The call returns at most
        about fifteen seconds after the grace period.
        """
        await self.runner.drain(grace_seconds)
        self.follower.cut()
        self.feeds.cut()
        await self.follower.close()
        await self.feeds.close()
        running = set(self._background)
        self._background = []
        for _ in range(_MOST_CANCELLATIONS):
            # A task can swallow its cancellation; see Generation.cancel.
            for task in running:
                task.cancel()
            running = await wait_at_most(running, seconds=_CANCELLATION_SECONDS, clock=self._clock)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.drain()


def _retention(age: timedelta | None, *, storage: Storage, clock: Clock, observer: Observer) -> Iterator[Chore]:
    if age is not None:
        yield Chore(Retention(age, deletions=storage, clock=clock, observer=observer).walk_on)
