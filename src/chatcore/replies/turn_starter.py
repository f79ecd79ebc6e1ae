"""Stores turns and starts to generate their replies."""

from collections.abc import Awaitable, Callable

from attrs import frozen

from chatcore.conversations.history import HistoryLimits, trim
from chatcore.conversations.message import Message
from chatcore.conversations.places import Place
from chatcore.errors import ChatError, StorageUnavailableError
from chatcore.ports import AcceptedTurn, Clock, InferenceRequest, NewContinuation, NewRegeneration, NewReply, ReplyStore
from chatcore.replies.background import Background
from chatcore.replies.generation import Beginning, Generation
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.replies.model_titles import ModelTitles

# A turn in doubt, which may or may not be stored, is looked up again after this time.
_LOOK_AGAIN_SECONDS = 0.5


@frozen
class Turn:
    """A user message and the reply to it."""

    user_message: Message
    reply: Message
    #: The generation of the reply; None if this process does not generate it.
    generation: Generation | None
    #: Where the part of the log begins that was requested, in code points: 0, or the length of the continued reply.
    begins_at: int = 0

    @property
    def place(self) -> Place:
        """Returns the place in the reply at which the part of its log begins that was requested."""
        return Place(self.begins_at, self.reply.generation)


@frozen(kw_only=True)
class TurnStarter:
    """Begins turns, and generates their replies even if the callers are gone."""

    storage: ReplyStore
    clock: Clock
    background: Background
    runner: GenerationRunner
    history_limits: HistoryLimits
    #: None if the model makes no titles.
    model_titles: ModelTitles | None

    async def begin(self, new: NewReply, store: Callable[[], Awaitable[AcceptedTurn]]) -> Turn:
        """Stores a turn with `store`, which may be called again, and starts to generate its reply.

        Raises:
            DrainingError: this process is shutting down.
            ChatError: the turn was refused.
        """

        async def begin() -> Turn:
            return self._start(new, await store())

        return await self.background.admit(self._begin(new, begin))

    async def _begin(self, new: NewReply, begin: Callable[[], Awaitable[Turn]]) -> Turn:
        try:
            return await begin()
        except StorageUnavailableError as unavailable:
            # An overloaded storage rejects many turns without storing them; looking them up would only add load.
            if unavailable.is_in_doubt:
                self.background.spawn("looking up a turn in doubt", lambda: self._begin_after_all(new, begin))
            raise

    async def _begin_after_all(self, new: NewReply, begin: Callable[[], Awaitable[Turn]]) -> None:
        """Generates the reply of a turn in doubt if the storage has the turn after all.

        The storage has the turn if only the confirmation was lost. A caller that repeats the send with the same key is
        directed to this reply, which otherwise no process would generate until its lease expires.
        """
        deadline = self.clock.monotonic() + LEASE_SECONDS
        while self.clock.monotonic() < deadline:
            await self.clock.sleep(_LOOK_AGAIN_SECONDS)
            try:
                # The reply is looked up first, because a turn that was not stored before must not be stored now. A
                # reply that is to be continued is there in any case.
                reply = await self.storage.get_message(new.user_id, new.conversation_id, new.reply_id)
                if reply.is_streaming or not isinstance(new, NewContinuation):
                    await begin()
            except StorageUnavailableError:
                continue
            except ChatError:
                pass  # The reply was never stored, has ended, or was deleted.
            return

    def _start(self, new: NewReply, accepted: AcceptedTurn) -> Turn:
        reply, begins_at = accepted.reply, accepted.begins_at
        if accepted.lease is None:
            generation = self.runner.find(reply.user_id, reply.conversation_id, reply.id)
            return Turn(accepted.user_message, reply, generation, begins_at)
        prior = accepted.prior
        request = InferenceRequest(
            messages=trim(accepted.history, self.history_limits, accepted.instructions),
            instructions=accepted.instructions,
            sampling=new.request.sampling,
            model_tag=reply.model_tag,
            user_id=reply.user_id,
            trace_id=new.request.trace_id,
            so_far=reply.content,
        )
        generation = self.runner.start(
            accepted.lease,
            request,
            beginning=Beginning(
                log=reply.log,
                token_count=0 if prior is None else prior.token_count,
                cuts=reply.cuts,
                replaces=isinstance(new, NewRegeneration),
                prior=prior,
                prior_length=begins_at,
            ),
            is_repeatable=new.idempotency_key is not None,
            on_complete=self._naming(new, accepted.user_message, request),
        )
        return Turn(accepted.user_message, reply, generation, begins_at)

    def _naming(self, new: NewReply, question: Message, request: InferenceRequest) -> Callable[[str], None] | None:
        if self.model_titles is None or isinstance(new, NewContinuation):
            return None
        return self.model_titles.naming(question, request)
