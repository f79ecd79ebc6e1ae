"""Implements the use cases on turns: send a message, and regenerate, stop or follow a reply."""

from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

from attrs import frozen

from chatcore.conversations.changes import UNSET, Unset
from chatcore.conversations.history import MAX_HISTORY_MESSAGES, HistoryLimits
from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.conversations.places import Place
from chatcore.conversations.titles import auto_title
from chatcore.errors import CannotContinueError, DrainingError
from chatcore.input_limits import InputLimits
from chatcore.ports import Clock, NewContinuation, NewRegeneration, NewTurn, ReplyStore
from chatcore.replies.follower import Follower
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.idempotency import IdempotencyKey, fingerprint
from chatcore.replies.interruption import Interruption, OnBusy
from chatcore.replies.lease import OwnerId
from chatcore.replies.readers import FrameReader, Reader
from chatcore.replies.sampling import Sampling, require_sampling
from chatcore.replies.stopping import Stopper
from chatcore.replies.turn_starter import Turn, TurnStarter
from chatcore.user import User

#: How long `stop` waits for the owner of a reply, in whichever process, to write the final state.
STOP_WAIT_SECONDS = 5.0


@frozen(kw_only=True)
class Turns:
    """Offers the use cases on turns. Every method may also raise StorageUnavailableError."""

    storage: ReplyStore
    clock: Clock
    runner: GenerationRunner
    starter: TurnStarter
    follower: Follower
    stopper: Stopper
    interruption: Interruption
    owner_id: OwnerId
    input_limits: InputLimits
    history_limits: HistoryLimits
    #: How many replies a user may have in generation at once.
    max_generations: int
    #: Whether the inference service can go on from its own text.
    can_continue: bool
    new_id: Callable[[], UUID] = uuid4

    async def send(  # noqa: PLR0913 - keyword arguments, all of which have a default
        self,
        user: User,
        conversation_id: ConversationId,
        content: str,
        *,
        parent_id: MessageId | Unset | None = UNSET,
        sampling: Sampling | None = None,
        idempotency_key: str | None = None,
        as_sent: Mapping[str, object] | None = None,
        on_busy: OnBusy = OnBusy.REJECT,
        trace_id: str | None = None,
    ) -> Turn:
        """Stores the user's message and an empty reply, and starts to generate the reply.

        If the user sent the idempotency key before with the same request, nothing changes and that turn is returned.

        Args:
            user: the sender.
            conversation_id: the conversation to append to.
            content: the text of the message, from 1 character to the limit of the content (8000).
            parent_id: the message of the conversation that the new one follows, None for the root, and by default the
                newest one of the active path. A message with the same parent as another is an edit of that one. If
                the parent is a failed reply, the message takes the place of the reply.
            sampling: the sampling parameters of the reply; by default those of :class:`Sampling`, within the limits.
            idempotency_key: the key of this send, 1 to 255 visible ASCII characters; remembered for 24 hours.
            as_sent: the request as the sender wrote it, in JSON values, if it differs from `content` and `sampling`.
                The key is bound to this form, so that new defaults do not turn a repeat into a different request.
            on_busy: what to do while a reply of the conversation is being generated: refuse the request, or stop the
                reply. Nothing is stopped for a request that is refused for another reason.
            trace_id: the id of the trace, which is passed on to the inference service.

        Raises:
            InvalidInputError: the content, the sampling parameters or the key break their limits, or the conversation
                has no message `parent_id`.
            ConversationNotFoundError: this user has no such conversation.
            GenerationInProgressError: a reply of the conversation is being generated, and `on_busy` is REJECT.
            TooManyGenerationsError: the user has reached the limit of replies generated at once.
            IdempotencyKeyReusedError: the key was used for another request.
            DrainingError: this process is shutting down.
        """
        sampling = self._sampling(sampling)
        sent = {**(as_sent or _plain(content, sampling)), **_named("parent_id", parent_id)}
        turn = NewTurn(
            user_id=user.id,
            conversation_id=conversation_id,
            user_message_id=MessageId(self.new_id()),
            reply_id=MessageId(self.new_id()),
            owner_id=self.owner_id,
            content=self.input_limits.require_content(content),
            parent_id=parent_id,
            title=auto_title(content),
            idempotency_key=_key(idempotency_key, conversation_id, sent),
            request=GenerationRequest(sampling=sampling, trace_id=trace_id),
            history_limit=self._history_limit,
            max_generations=self.max_generations,
            now=self.clock.now(),
        )
        store = self.interruption if on_busy is OnBusy.INTERRUPT else self.storage
        return await self.starter.begin(turn, lambda: store.begin_turn(turn))

    async def regenerate(
        self,
        user: User,
        conversation_id: ConversationId,
        *,
        message_id: MessageId | None = None,
        sampling: Sampling | None = None,
        idempotency_key: str | None = None,
        as_sent: Mapping[str, object] | None = None,
        on_busy: OnBusy = OnBusy.REJECT,
        trace_id: str | None = None,
    ) -> Turn:
        """Starts to generate a new reply beside another one. If it fails, what was shown before is shown again.

        The new reply stands beside the reply `message_id`, or answers the user message `message_id`; by default it
        stands beside the last reply. The other arguments, and a repeat with the same idempotency key, have the meaning
        that they have for :meth:`send`.

        Raises:
            InvalidInputError: the sampling parameters or the key break their limits, or the conversation has no message
                `message_id`.
            ConversationNotFoundError: this user has no such conversation.
            NothingToRegenerateError: there is no user message to answer.
            GenerationInProgressError: a reply of the conversation is being generated, and `on_busy` is REJECT.
            TooManyGenerationsError: the user has reached the limit of replies generated at once.
            IdempotencyKeyReusedError: the key was used for another request, such as a message.
            DrainingError: this process is shutting down.
        """
        sampling = self._sampling(sampling)
        sent = {"regenerate": as_sent or _plain_sampling(sampling), **_named("message_id", message_id or UNSET)}
        regeneration = NewRegeneration(
            user_id=user.id,
            conversation_id=conversation_id,
            message_id=message_id,
            reply_id=MessageId(self.new_id()),
            owner_id=self.owner_id,
            idempotency_key=_key(idempotency_key, conversation_id, sent),
            request=GenerationRequest(sampling=sampling, trace_id=trace_id),
            history_limit=self._history_limit,
            max_generations=self.max_generations,
            now=self.clock.now(),
        )
        store = self.interruption if on_busy is OnBusy.INTERRUPT else self.storage
        return await self.starter.begin(regeneration, lambda: store.begin_regeneration(regeneration))

    async def continue_reply(
        self,
        user: User,
        conversation_id: ConversationId,
        message_id: MessageId,
        *,
        sampling: Sampling | None = None,
        idempotency_key: str | None = None,
        as_sent: Mapping[str, object] | None = None,
        trace_id: str | None = None,
    ) -> Turn:
        """Makes a reply go on from where it ended. If no new text comes, everything is as it was before.

        The other arguments, and a repeat with the same idempotency key, have the meaning that they have for
        :meth:`send`.

        Raises:
            InvalidInputError: the sampling parameters or the key break their limits.
            MessageNotFoundError: this user's conversation has no such reply.
            CannotContinueError: the inference service cannot go on from its own text.
            NotContinuableError: the reply has messages below it, or has not ended in a way that leaves more to say.
            GenerationInProgressError: a reply of the conversation is being generated.
            TooManyGenerationsError: the user has reached the limit of replies generated at once.
            IdempotencyKeyReusedError: the key was used for another request.
            DrainingError: this process is shutting down.
        """
        sampling = self._sampling(sampling)
        sent = {"continue": as_sent or _plain_sampling(sampling), "message_id": str(message_id)}
        continuation = NewContinuation(
            user_id=user.id,
            conversation_id=conversation_id,
            reply_id=message_id,
            owner_id=self.owner_id,
            idempotency_key=_key(idempotency_key, conversation_id, sent),
            request=GenerationRequest(sampling=sampling, trace_id=trace_id, attempt=str(self.new_id())),
            history_limit=self._history_limit,
            max_generations=self.max_generations,
            now=self.clock.now(),
        )
        if not self.can_continue:
            raise CannotContinueError
        return await self.starter.begin(continuation, lambda: self.storage.begin_continuation(continuation))

    def _sampling(self, sampling: Sampling | None) -> Sampling:
        if sampling is None:
            return Sampling().lowered_to(self.input_limits)
        return require_sampling(sampling, self.input_limits)

    @property
    def _history_limit(self) -> int:
        return min(self.history_limits.max_messages, MAX_HISTORY_MESSAGES)

    async def read(self, turn: Turn) -> FrameReader | Reader[Stretch]:
        """Returns a reader of the text that a turn requested; the caller must release the reader with :meth:`leave`.

        The reader delivers frames if this process generates the text and still keeps all frames. Otherwise it delivers
        text from :attr:`Turn.place` on, which happens for some turns that were repeated with the same idempotency key.
        """
        generation, reply = turn.generation, turn.reply
        if generation is not None and generation.beginning.prior_length == turn.begins_at:
            frames = FrameReader.of(generation.transcript)
            if frames is not None:
                return frames
        return await self.follower.replay(reply.user_id, reply.conversation_id, reply.id, turn.place)

    async def follow(
        self,
        user: User,
        conversation_id: ConversationId,
        message_id: MessageId,
        *,
        offset: int | None = None,
        generation: int = 1,
        knows_end: bool = False,
    ) -> Reader[Stretch] | None:
        """Returns a reader of the text of a running or finished reply, whichever process generates the reply.

        Args:
            user: the user of the conversation.
            conversation_id: the conversation of the reply.
            message_id: the id of the reply.
            offset: how many code points the caller already has. None stands for the start.
            generation: the number of the reply's generation that the caller was shown last.
            knows_end: whether the caller was told how that generation of the reply ended.

        Returns:
            The reader; None if the reply has ended and the caller already knows everything: it has all of a complete
            reply, or was told the end.

        Raises:
            MessageNotFoundError: this user's conversation has no such reply.
        """
        place = None if offset is None else Place(offset, generation)
        return await self.follower.follow(user.id, conversation_id, message_id, place, knows_end=knows_end)

    def leave(self, reader: FrameReader | Reader[Stretch]) -> None:
        """Releases `reader`: nothing is kept or fetched for it any more."""
        reader.leave()

    async def stop(self, user: User, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Stops a reply, whichever process generates it, and keeps its text. A repeated call changes nothing.

        Returns:
            The reply in its final state, or still streaming if its owner took more than STOP_WAIT_SECONDS to stop it.

        Raises:
            MessageNotFoundError: this user's conversation has no such reply.
            DrainingError: this process shuts down while the call waits for another process to stop the reply.
        """
        message = await self.stopper.stop(user.id, conversation_id, message_id, wait_seconds=STOP_WAIT_SECONDS)
        if message.is_streaming and self.runner.is_draining:
            raise DrainingError
        return message


def _key(key: str | None, conversation_id: ConversationId, request: Mapping[str, object]) -> IdempotencyKey | None:
    if key is None:
        return None
    return IdempotencyKey(key, fingerprint({"conversation_id": str(conversation_id), "request": request}))


def _named(field: str, message_id: MessageId | Unset | None) -> Mapping[str, object]:
    """Returns the field of a request that names a message; none for UNSET."""
    if message_id is UNSET:
        # Versions of the service without the field have recorded keys with the fingerprint of such a request.
        return {}
    return {field: None if message_id is None else str(message_id)}


def _plain(content: str, sampling: Sampling) -> Mapping[str, object]:
    return {"content": content, **_plain_sampling(sampling)}


def _plain_sampling(sampling: Sampling) -> Mapping[str, object]:
    parameters = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens, "top_k": sampling.top_k}
    return {**parameters, **({"passed": sampling.passed} if sampling.passed else {})}
