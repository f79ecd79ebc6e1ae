"""Use cases: send a message, regenerate a reply, stop it, follow it."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID, uuid4

from attrs import frozen

from chatcore.conversations.history import MAX_HISTORY_MESSAGES, HistoryLimits, trim
from chatcore.conversations.message import ConversationId, Message, MessageId, require_content
from chatcore.conversations.titles import auto_title
from chatcore.errors import ChatError, DrainingError, MessageNotFoundError, StorageUnavailableError
from chatcore.ports import AcceptedTurn, Clock, InferenceRequest, NewRegeneration, NewReply, NewTurn, ReplyStore
from chatcore.replies.background import Background
from chatcore.replies.follower import Follower
from chatcore.replies.generation import CancelReason, Generation
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.idempotency import IdempotencyKey, fingerprint
from chatcore.replies.lease import LEASE_SECONDS, OwnerId
from chatcore.replies.readers import FrameReader, Reader, Stretch
from chatcore.replies.sampling import Sampling
from chatcore.user import User

#: How long `stop` waits for the owner of a reply, wherever it is, to write its final state.
STOP_WAIT_SECONDS = 5.0
_STOP_POLL_SECONDS = 0.1
#: How often a turn of which nobody knows whether it is stored is looked up.
_LOOK_AGAIN_SECONDS = 0.5

DEFAULT_SAMPLING = Sampling()


@frozen
class Turn:
    """A user message and the reply that answers it."""

    user_message: Message
    reply: Message
    #: The generation of the reply, where it is made by this process.
    generation: Generation | None


@frozen(kw_only=True)
class Turns:
    """What a user may do with messages. Every method also raises StorageUnavailableError."""

    storage: ReplyStore
    clock: Clock
    background: Background
    runner: GenerationRunner
    follower: Follower
    owner_id: OwnerId
    history_limits: HistoryLimits
    #: Most replies in the making a user may have.
    max_generations: int
    new_id: Callable[[], UUID] = uuid4

    async def send(
        self,
        user: User,
        conversation_id: ConversationId,
        content: str,
        *,
        sampling: Sampling = DEFAULT_SAMPLING,
        idempotency_key: str | None = None,
        as_sent: Mapping[str, object] | None = None,
        trace_id: str | None = None,
    ) -> Turn:
        """Stores the user's message and starts to make the reply. When it returns, nothing can be lost any more.

        With an idempotency key that the user sent before, for the same request, it changes nothing and returns
        that turn.

        Args:
            user: who sends.
            conversation_id: the conversation to append to.
            content: 1 to 8000 characters.
            sampling: how the reply is to be sampled.
            idempotency_key: 1 to 255 visible ASCII characters; remembered for 24 hours.
            as_sent: the request as its sender wrote it, in JSON values, where that is not the same as content and
                sampling: a repeat must not become another request because defaults have changed meanwhile.
            trace_id: passed on to the inference service.

        Raises:
            InvalidInputError: content or key break their limits.
            ConversationNotFoundError: this user has no such conversation.
            GenerationInProgressError: the conversation has a reply in the making.
            TooManyGenerationsError: the user has too many of them.
            IdempotencyKeyReusedError: the key was used for another request.
            DrainingError: this process is shutting down.
        """
        turn = NewTurn(
            user_id=user.id,
            conversation_id=conversation_id,
            user_message_id=MessageId(self.new_id()),
            reply_id=MessageId(self.new_id()),
            owner_id=self.owner_id,
            content=require_content(content),
            title=auto_title(content),
            idempotency_key=_key(idempotency_key, conversation_id, as_sent or _plain(content, sampling)),
            history_limit=self._history_limit,
            max_generations=self.max_generations,
            now=self.clock.now(),
        )

        async def begin() -> Turn:
            accepted = await self.storage.begin_turn(turn)
            return self._start(accepted, sampling, trace_id, is_repeatable=idempotency_key is not None)

        return await self.background.admit(self._begin(turn, begin))

    async def regenerate(
        self,
        user: User,
        conversation_id: ConversationId,
        *,
        sampling: Sampling = DEFAULT_SAMPLING,
        trace_id: str | None = None,
    ) -> Turn:
        """Starts to make a new reply beside the last one. The last one stays, and is shown again if this fails.

        Raises:
            ConversationNotFoundError: this user has no such conversation.
            NothingToRegenerateError: the conversation has no message to answer.
            GenerationInProgressError: the conversation has a reply in the making.
            TooManyGenerationsError: the user has too many of them.
            DrainingError: this process is shutting down.
        """
        regeneration = NewRegeneration(
            user_id=user.id,
            conversation_id=conversation_id,
            reply_id=MessageId(self.new_id()),
            owner_id=self.owner_id,
            history_limit=self._history_limit,
            max_generations=self.max_generations,
            now=self.clock.now(),
        )

        async def begin() -> Turn:
            accepted = await self.storage.begin_regeneration(regeneration)
            return self._start(accepted, sampling, trace_id, replaces=True)

        return await self.background.admit(self._begin(regeneration, begin))

    async def _begin(self, new: NewReply, begin: Callable[[], Awaitable[Turn]]) -> Turn:
        try:
            return await begin()
        except StorageUnavailableError as unavailable:
            # Those that an overloaded storage turns away are many, and to look them up would only add to its load.
            if unavailable.is_in_doubt:
                self.background.spawn("looking up a turn in doubt", lambda: self._begin_after_all(new, begin))
            raise

    async def _begin_after_all(self, new: NewReply, begin: Callable[[], Awaitable[Turn]]) -> None:
        """Makes a reply whose caller was told that the storage is away, should it be stored nevertheless.

        Then only the answer was lost. Who comes back with the same key is led to this reply, and would wait for nobody
        until its lease has run out.
        """
        deadline = self.clock.monotonic() + LEASE_SECONDS
        while self.clock.monotonic() < deadline:
            await self.clock.sleep(_LOOK_AGAIN_SECONDS)
            try:
                # Looked at first: what was not stored then must not be stored now.
                await self.storage.get_message(new.user_id, new.conversation_id, new.reply_id)
                await begin()
            except StorageUnavailableError:
                continue
            except ChatError:
                pass  # It is not there, or not any more.
            return

    @property
    def _history_limit(self) -> int:
        return min(self.history_limits.max_messages, MAX_HISTORY_MESSAGES)

    def _start(
        self,
        accepted: AcceptedTurn,
        sampling: Sampling,
        trace_id: str | None,
        *,
        replaces: bool = False,
        is_repeatable: bool = False,
    ) -> Turn:
        reply = accepted.reply
        if accepted.lease is None:
            generation = self.runner.find(reply.user_id, reply.conversation_id, reply.id)
            return Turn(accepted.user_message, reply, generation)
        request = InferenceRequest(
            messages=trim(accepted.history, self.history_limits),
            sampling=sampling,
            user_id=reply.user_id,
            trace_id=trace_id,
        )
        generation = self.runner.start(accepted.lease, request, replaces=replaces, is_repeatable=is_repeatable)
        return Turn(accepted.user_message, reply, generation)

    async def read(self, turn: Turn) -> FrameReader | Reader[Stretch]:
        """A reader of a turn's reply from its beginning.

        The frames as they came where this process makes the reply and has them all; otherwise, that is, for a turn
        that was repeated by key, its text. :meth:`leave` it in the end.
        """
        if turn.generation is not None and (frames := FrameReader.of(turn.generation.transcript)) is not None:
            return frames
        reply = turn.reply
        reader = await self.follower.follow(reply.user_id, reply.conversation_id, reply.id, None)
        assert reader is not None  # noqa: S101 - only a reader that names an offset can have everything
        return reader

    async def follow(
        self, user: User, conversation_id: ConversationId, message_id: MessageId, *, offset: int | None = None
    ) -> Reader[Stretch] | None:
        """A reader of a reply's text, live or finished, whichever process makes it.

        Args:
            user: who reads.
            conversation_id: the reply's conversation.
            message_id: the reply.
            offset: how many code points the reader has; None for none, and to be told the end in any case.

        Returns:
            The reader; None when the reply has ended and the reader has all of it.

        Raises:
            MessageNotFoundError: this user's conversation has no such reply.
        """
        return await self.follower.follow(user.id, conversation_id, message_id, offset)

    def leave(self, reader: FrameReader | Reader[Stretch]) -> None:
        """To be called when nobody reads from `reader` any more: nothing is kept or fetched for it from then on."""
        reader.leave()

    async def stop(self, user: User, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Stops a reply that is being made, on whichever process, and keeps its text; idempotent.

        Returns:
            The reply in its final state; still streaming only when its owner took too long to answer.

        Raises:
            MessageNotFoundError: this user's conversation has no such reply.
            DrainingError: this process is shutting down while another one is still about to stop the reply.
        """
        message = await self.storage.request_stop(user.id, conversation_id, message_id)
        if not message.is_reply:
            raise MessageNotFoundError
        generation = self.runner.find(user.id, conversation_id, message_id)
        if generation is not None:
            generation.cancel(CancelReason.STOPPED)
        deadline = self.clock.monotonic() + STOP_WAIT_SECONDS
        while message.is_streaming and self.clock.monotonic() < deadline:
            if generation is None and self.runner.is_draining:
                raise DrainingError
            await self.clock.sleep(_STOP_POLL_SECONDS)
            message = await self.storage.get_message(user.id, conversation_id, message_id)
        return message


def _key(key: str | None, conversation_id: ConversationId, request: Mapping[str, object]) -> IdempotencyKey | None:
    if key is None:
        return None
    return IdempotencyKey(key, fingerprint({"conversation_id": str(conversation_id), "request": request}))


def _plain(content: str, sampling: Sampling) -> Mapping[str, object]:
    return {
        "content": content,
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "top_k": sampling.top_k,
    }
