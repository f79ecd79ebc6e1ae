"""The replies that this process is making.

A generation belongs to the process, not to the request that asked for it: it is a task that nobody awaits. A request
that goes away changes nothing. :class:`chatcore.replies.generation.CancelReason` lists what ends a generation early.
"""

import asyncio

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.errors import InferenceError, MessageNotFoundError, StorageUnavailableError
from chatcore.ports import Clock, Inference, InferenceRequest, Observer, ReplyStore
from chatcore.replies.background import Background
from chatcore.replies.generation import CancelReason, Generation
from chatcore.replies.lease import FinalState, Lease
from chatcore.replies.transcript import RECONNECT, End, Transcript
from chatcore.reply_error import ReplyError
from chatcore.user import UserId

#: How long to wait before the final state is written again, when the storage was away.
FINISH_RETRY_SECONDS = 0.5
#: How often an error that no retry is known to mend is retried all the same, before the reply is left to rescue.
FINISH_TRIES_ON_BUGS = 3
#: How long the interrupted replies of a drain have to be written.
DRAIN_FINISH_SECONDS = 5.0


class GenerationRunner:
    """Starts, finds, stops and drains the generations of this process."""

    def __init__(
        self, background: Background, *, storage: ReplyStore, inference: Inference, clock: Clock, observer: Observer
    ) -> None:
        self._background = background
        self._storage = storage
        self._inference = inference
        self._clock = clock
        self._observer = observer
        self._by_message: dict[MessageId, Generation] = {}
        self._hurry = asyncio.Event()
        self._is_cut_short = False

    # -- Finding --------------------------------------------------------------------------------------------------

    @property
    def running(self) -> tuple[Generation, ...]:
        """Every generation whose final state is not yet written."""
        return tuple(self._by_message.values())

    @property
    def running_ids(self) -> frozenset[MessageId]:
        """The replies that :attr:`running` makes."""
        return frozenset(self._by_message)

    def find(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Generation | None:
        """The generation that makes this reply here; None when none does."""
        generation = self._by_message.get(message_id)
        if generation is None:
            return None
        lease = generation.lease
        return generation if (lease.user_id, lease.conversation_id) == (user_id, conversation_id) else None

    def cancel_deleted(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Cancels the generation of this process, if any, for a conversation that was deleted."""
        for generation in self.running:
            if (generation.lease.user_id, generation.lease.conversation_id) == (user_id, conversation_id):
                generation.cancel(CancelReason.LOST)

    # -- Running --------------------------------------------------------------------------------------------------

    def start(
        self, lease: Lease, request: InferenceRequest, *, replaces: bool = False, is_repeatable: bool = False
    ) -> Generation:
        """Starts to make a reply under `lease`; it goes on whatever becomes of the caller.

        Args:
            lease: the right to make it.
            request: what the model is asked.
            replaces: whether it is made beside an earlier reply that is still there.
            is_repeatable: whether the frames may be asked for again, by the turn's idempotency key.
        """
        started_at = self._clock.monotonic()

        def on_first_token() -> None:
            self._observer.first_token(lease, self._clock.monotonic() - started_at)

        transcript = Transcript(on_first_token, is_repeatable=is_repeatable)
        generation = Generation(lease, transcript, started_at=started_at, replaces=replaces, trace_id=request.trace_id)
        self._by_message[lease.message_id] = generation
        # Handed on and let go on the way: tens of kB of history need not be kept for as long as the reply takes.
        task = asyncio.create_task(self._run(generation, [request]), name=f"generation {lease.message_id}")
        self._background.keep(task)
        self._observer.generation_started(lease, request.trace_id)
        if self._is_cut_short:
            # It was accepted just before the drain began, and stored only when the others had been cancelled already.
            generation.cancel(CancelReason.DRAINED)
        return generation

    async def _run(self, generation: Generation, asking: list[InferenceRequest]) -> None:
        final_state: FinalState | None = None
        # What readers are told should this be cancelled or break: whoever rescues the reply will know its end.
        end = RECONNECT
        try:
            error = None if generation.is_cancelled() else await self._generate(generation, asking)
            final_state = await self._finish(generation, error)
            end = await self._end(generation, final_state)
        except Exception as bug:  # noqa: BLE001 - nobody awaits this task, so nobody else would hear of it
            self._observer.failed("making a reply", bug)
        finally:
            del self._by_message[generation.lease.message_id]
            generation.transcript.finish(end)
            self._observer.generation_ended(generation.lease, final_state, generation.trace_id)

    async def _generate(self, generation: Generation, asking: list[InferenceRequest]) -> ReplyError | None:
        """Calls the inference service; returns why the reply is not complete, None when nothing went wrong."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        generation.attach(task)
        try:
            await self._inference.generate(asking.pop(), generation.transcript.append)
        except InferenceError as error:
            return error.reply_error
        except asyncio.CancelledError:
            if not generation.is_cancelled():
                raise
            task.uncancel()
        except Exception as error:  # noqa: BLE001 - whatever it is, the reply must come to an end
            self._observer.failed("calling the inference service", error)
            return ReplyError.INFERENCE_ERROR
        finally:
            generation.detach()
        return None

    async def _finish(self, generation: Generation, error: ReplyError | None) -> FinalState | None:
        """Writes the final state, however long the storage is away; None when it is not ours to write any more."""
        final_state = generation.final_state(error, now=self._clock.now(), monotonic=self._clock.monotonic())
        bugs = 0
        is_tried = False
        # Lost after a try may mean that the try took effect and its answer did not arrive: the storage knows.
        while (is_tried or not generation.is_lost) and bugs < FINISH_TRIES_ON_BUGS:
            is_tried = True
            try:
                await generation.wait_for_checkpoint()
                generation.is_finishing = True
                return final_state if await self._storage.finish(generation.lease, final_state) else None
            except StorageUnavailableError as unavailable:
                self._observer.failed("finishing a reply", unavailable)
            except Exception as bug:  # noqa: BLE001 - an error nobody foresaw must not end the retries at once
                self._observer.failed("finishing a reply", bug)
                bugs += 1
            finally:
                generation.is_finishing = False
            # Meanwhile checkpoints go on: they keep the lease, and the text out of memory alone.
            await self._clock.sleep(FINISH_RETRY_SECONDS)
        return None

    async def _end(self, generation: Generation, final_state: FinalState | None) -> End:
        """What the readers are told."""
        if final_state is None:
            return await self._end_of_lost(generation.lease)
        if generation.cancel_reason is CancelReason.DRAINED and final_state.error is not None:
            return RECONNECT
        return End(final_state.error)

    async def _end_of_lost(self, lease: Lease) -> End:
        try:
            await self._storage.get_message(lease.user_id, lease.conversation_id, lease.message_id)
        except MessageNotFoundError:
            return End(ReplyError.STOPPED)  # Its conversation was deleted, which stops it.
        except Exception as error:  # noqa: BLE001 - readers must be let go in any case
            self._observer.failed("looking up a lost reply", error)
        return RECONNECT

    # -- Draining -------------------------------------------------------------------------------------------------

    @property
    def is_draining(self) -> bool:
        """Whether this process starts no more generations."""
        return self._background.is_closed

    async def drain(self, grace_seconds: float) -> None:
        """Starts no more; lets the running ones finish for `grace_seconds`; then ends them as interrupted.

        Returns when all are stored, or soon after they should have been: what is not stored by then is rescued by
        another process. Readers of replies that were cut short are told to come back.
        """
        self._background.close()
        ends = [
            asyncio.create_task(self._background.idle()),
            asyncio.create_task(self._clock.sleep(grace_seconds)),
            asyncio.create_task(self._hurry.wait()),
        ]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        await self._cut_short()

    async def _cut_short(self) -> None:
        self._is_cut_short = True
        for generation in self.running:
            generation.cancel(CancelReason.DRAINED)
        await self._background.end(DRAIN_FINISH_SECONDS)

    def hurry(self) -> None:
        """Ends the grace of a drain, the present one or the next."""
        self._hurry.set()
