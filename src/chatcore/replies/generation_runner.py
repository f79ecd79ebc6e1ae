"""Runs the generations of this process.

A generation belongs to the process, not to the request that started it: no request awaits its task, so it goes on when
a client disconnects. :class:`chatcore.replies.generation.CancelReason` lists the reasons to end a generation early.
"""

import asyncio
from collections.abc import Callable

from chatcore.conversations.message import ConversationId, MessageId, Status
from chatcore.errors import InferenceError, MessageNotFoundError, StorageUnavailableError
from chatcore.ports import Clock, Inference, InferenceRequest, Observer, ReplyStore
from chatcore.replies.background import Background
from chatcore.replies.generation import AT_FIRST, Beginning, CancelReason, Generation
from chatcore.replies.lease import FinalState, Lease
from chatcore.replies.rescue import RescuePolicy
from chatcore.replies.transcript import RECONNECT, End, Transcript
from chatcore.reply_error import ReplyError
from chatcore.user import UserId

#: The time between two attempts to write a final state while the storage is unavailable.
FINISH_RETRY_SECONDS = 0.5
#: How many attempts fail with an unexpected error before the reply is left to recovery.
FINISH_TRIES_ON_BUGS = 3
#: How long replies that a drain hands over or interrupts may take to be stored.
DRAIN_FINISH_SECONDS = 5.0


class GenerationRunner:
    """Starts, finds, stops and drains the generations of this process."""

    def __init__(
        self,
        background: Background,
        *,
        storage: ReplyStore,
        inference: Inference,
        clock: Clock,
        observer: Observer,
        policy: RescuePolicy,
    ) -> None:
        self._background = background
        self._storage = storage
        self._inference = inference
        self._clock = clock
        self._observer = observer
        self._policy = policy
        self._by_message: dict[MessageId, Generation] = {}
        self._hurry = asyncio.Event()
        self._is_cut_short = False

    # -- Finding --------------------------------------------------------------------------------------------------

    @property
    def running(self) -> tuple[Generation, ...]:
        """Returns all generations whose final state is not written yet."""
        return tuple(self._by_message.values())

    @property
    def running_ids(self) -> frozenset[MessageId]:
        """Returns the ids of the replies that :attr:`running` generates."""
        return frozenset(self._by_message)

    def find(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Generation | None:
        """Returns the generation of this reply in this process, or None if this process has none."""
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
        self,
        lease: Lease,
        request: InferenceRequest,
        *,
        beginning: Beginning = AT_FIRST,
        keeps_frames: bool = True,
        is_repeatable: bool = False,
        on_complete: Callable[[str], None] | None = None,
    ) -> Generation:
        """Starts to generate a reply under `lease`, which goes on even if the caller is cancelled.

        Args:
            lease: the right to write the reply.
            request: the request to the inference service.
            beginning: what the reply has already.
            keeps_frames: whether a caller will request the frames of this generation.
            is_repeatable: whether the turn has an idempotency key, so that its frames may be requested again.
            on_complete: the function to call with the text of the reply once the reply is stored and its readers are
                told its end, if the reply is complete.
        """
        started_at = self._clock.monotonic()

        def on_first_token() -> None:
            self._observer.first_token(lease, self._clock.monotonic() - started_at)

        transcript = Transcript(on_first_token, keeps_frames=keeps_frames, is_repeatable=is_repeatable)
        transcript.log.restore(beginning.log)
        generation = Generation(
            lease, transcript, started_at=started_at, beginning=beginning, trace_id=request.trace_id
        )
        self._begin(generation)
        # The list lets `_generate` drop the request, which holds tens of kB of history that are not needed for long.
        generation.task = asyncio.create_task(
            self._run(generation, [request], on_complete), name=f"generation {lease.message_id}"
        )
        self._background.keep(generation.task)
        self._observer.generation_started(lease, request.trace_id)
        if self._is_cut_short:
            # The turn was accepted just before the drain began and stored after the other generations were cancelled.
            generation.cancel(CancelReason.DRAINED)
        return generation

    def _begin(self, generation: Generation) -> None:
        earlier = self._by_message.get(generation.lease.message_id)
        if earlier is not None:
            # This process was frozen while others took the reply over, and has it again before it noticed its loss.
            earlier.cancel(CancelReason.LOST)
        self._by_message[generation.lease.message_id] = generation

    def _forget(self, generation: Generation) -> None:
        if self._by_message.get(generation.lease.message_id) is generation:
            del self._by_message[generation.lease.message_id]

    async def _run(
        self, generation: Generation, requests: list[InferenceRequest], on_complete: Callable[[str], None] | None
    ) -> None:
        final_state: FinalState | None = None
        is_handed_over = False
        # Readers reconnect if this task is cancelled or fails, because recovery then decides the final state.
        end = RECONNECT
        try:
            error = None if generation.is_cancelled() else await self._generate(generation, requests)
            if error is None and self._policy.hands_over(generation):
                is_handed_over = await self._hand_over(generation)
            else:
                final_state = await self._finish(generation, error)
                end = await self._end(generation, final_state)
        except Exception as bug:  # noqa: BLE001 - no other code would report the error
            self._observer.failed("making a reply", bug)
        finally:
            self._forget(generation)
            generation.transcript.finish(end)
            if is_handed_over:
                self._observer.handed_over(generation.lease, generation.trace_id)
            else:
                self._observer.generation_ended(generation.lease, final_state, generation.trace_id)
        if on_complete is not None and final_state is not None and final_state.status is Status.COMPLETE:
            on_complete(final_state.content)

    async def _generate(self, generation: Generation, requests: list[InferenceRequest]) -> ReplyError | None:
        """Calls the inference service; returns why the call failed, or None."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        generation.attach(task)
        try:
            await self._inference.generate(requests.pop(), generation.transcript.append)
        except InferenceError as error:
            return error.reply_error
        except asyncio.CancelledError:
            if not generation.is_cancelled():
                raise
            task.uncancel()
        except Exception as error:  # noqa: BLE001 - after any error, the reply must reach a final state
            self._observer.failed("calling the inference service", error)
            return None if generation.transcript.is_closed else ReplyError.INFERENCE_ERROR
        finally:
            generation.detach()
        return None

    async def _finish(self, generation: Generation, error: ReplyError | None) -> FinalState | None:
        """Writes the final state, retrying for as long as the storage is unavailable.

        Returns:
            The final state, or None if this process did not write it: the lease was lost, or unexpected errors persist.
        """
        final_state = generation.final_state(error, now=self._clock.now(), monotonic=self._clock.monotonic())
        bugs = 0
        was_tried = False
        # A lease lost after an attempt may mean that the attempt took effect but its confirmation was lost. Another
        # attempt tells.
        while (was_tried or not generation.is_lost) and bugs < FINISH_TRIES_ON_BUGS:
            was_tried = True
            try:
                await generation.wait_for_checkpoint()
                generation.is_finishing = True
                return final_state if await self._storage.finish(generation.lease, final_state) else None
            except StorageUnavailableError as unavailable:
                self._observer.failed("finishing a reply", unavailable)
            except Exception as bug:  # noqa: BLE001 - an unexpected error must not end the retries at once
                self._observer.failed("finishing a reply", bug)
                bugs += 1
            finally:
                generation.is_finishing = False
            # Checkpoints go on meanwhile: they renew the lease and store the text.
            await self._clock.sleep(FINISH_RETRY_SECONDS)
        return None

    async def _hand_over(self, generation: Generation) -> bool:
        """Stores all text and gives the lease up, so that another process goes on with the reply at once.

        If the storage stays unavailable, another process takes the reply over when the lease expires.

        Returns:
            Whether the lease was given up; False if the process had lost it before.
        """
        while not generation.is_lost:
            try:
                await generation.wait_for_checkpoint()
                generation.is_finishing = True
                return await self._give_up(generation)
            except Exception as error:  # noqa: BLE001 - the drain ends the attempts
                self._observer.failed("handing a reply over", error)
            generation.is_finishing = False
            await self._clock.sleep(FINISH_RETRY_SECONDS)
        return False

    async def _give_up(self, generation: Generation) -> bool:
        while not generation.is_lost:
            part = generation.progress(self._clock.monotonic())
            try:
                if generation.is_last(part):
                    return await self._storage.hand_over(part)
                (status,) = await self._storage.checkpoint(part.lease.owner_id, [part])
                generation.confirm(part, status, self._clock.monotonic())
            finally:
                generation.checkpoint_ended()
        return False

    async def _end(self, generation: Generation, final_state: FinalState | None) -> End:
        """Returns how the stream ends for the readers."""
        if final_state is None:
            return await self._end_of_lost(generation.lease)
        if generation.cancel_reason is CancelReason.DRAINED and generation.shown_error is not None:
            return RECONNECT
        return End(generation.shown_error)

    async def _end_of_lost(self, lease: Lease) -> End:
        try:
            await self._storage.get_message(lease.user_id, lease.conversation_id, lease.message_id)
        except MessageNotFoundError:
            return End(ReplyError.STOPPED)  # The conversation was deleted, which stops the reply.
        except Exception as error:  # noqa: BLE001 - the readers need an end in any case
            self._observer.failed("looking up a lost reply", error)
        return RECONNECT

    # -- Draining -------------------------------------------------------------------------------------------------

    @property
    def is_draining(self) -> bool:
        """Returns whether this process starts no more generations."""
        return self._background.is_closed

    async def drain(self, grace_seconds: float) -> None:
        """Starts no more generations, gives the running ones `grace_seconds` to finish, then hands them over.

        Where no other process could go on with a reply, it is interrupted. The call returns when all replies are handed
        over or stored, or after at most twice DRAIN_FINISH_SECONDS. Another process recovers the replies that are not
        stored by then. Readers of replies that have not finished are told to reconnect.
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
        """Ends the grace period of the current drain, or of the next one."""
        self._hurry.set()
