"""Implements the inference port and the models port with a script."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Final

from attrs import define

from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
)
from chatcore.ports import Frame, Inference, InferenceRequest, Models, ModelsDocument
from chatcore_memory.frames import DONE_FRAME, is_finished, parse, reports_error, token_frame

#: Most bytes of a frame; larger frames are refused, as they are by a client of a real service.
MAX_FRAME_BYTES = 1024 * 1024

_NO_MODELS = ModelsDocument(content=b'{"current_model":null,"models":[]}')
_SWAPPED = ModelsDocument(content=b'{"status":"ok","current_model":null}', status=202)


class _Pause(Enum):
    PAUSE = "pause"


#: A step of a script at which a reply pauses until :meth:`ScriptedInference.release`.
PAUSE: Final = _Pause.PAUSE

#: One step of a script: a whole frame as bytes, an error to fail with, or :data:`PAUSE`.
Step = bytes | InferenceError | _Pause


class CallState(StrEnum):
    """Tells the state of a call."""

    RUNNING = "running"
    #: The closing frame has arrived.
    ENDED = "ended"
    FAILED = "failed"
    #: The caller gave up; a real client would have closed the connection.
    CANCELLED = "cancelled"


@define
class InferenceCall:
    """A request for a reply, and the state of the call."""

    request: InferenceRequest
    state: CallState = CallState.RUNNING
    #: Whether the reply waits at a :data:`PAUSE`.
    is_paused: bool = False


@define
class _Delivery:
    """Passes on the frames of one reply."""

    _on_frame: Callable[[Frame], None]
    _is_closed: bool = False
    #: Whether the model has reported an error.
    _has_failed: bool = False

    def deliver(self, raw: bytes) -> bool:
        """Passes on a frame, if it is whole; returns whether the frame closes the reply."""
        if len(raw) > MAX_FRAME_BYTES:
            raise InferenceRefusedError("A frame of the inference service is too large.")
        if not is_finished(raw):
            return False
        frame, is_error = parse(raw), reports_error(raw)
        self._has_failed |= is_error
        self._is_closed = frame.is_closing
        if is_error or not (self._has_failed and self._is_closed):
            self._on_frame(frame)
        return self._is_closed

    def finish(self) -> None:
        """Returns if the reply is complete; raises the error of a reply that failed or broke off."""
        if self._has_failed:
            raise InferenceRefusedError("The model reported an error.")
        if not self._is_closed:
            raise InferenceInterruptedError


class ScriptedInference(Inference, Models):
    """Answers as a script says and remembers the requests.

    A script applies to every reply or to the next reply::

        inference = ScriptedInference()
        inference.say("Hel", "lo")  # Every reply from now on.
        inference.play_next(token_frame("Hel"), PAUSE, token_frame("lo"), DONE_FRAME)  # The next one only.
        inference.play_next(token_frame("Hel"), InferenceTimeoutError())  # And the one after that.

    By default each reply is ``Hello``. A script without a closing frame breaks off at its end.

    - ``inference.calls``: the replies that were requested and the state of each, oldest first.
    - ``inference.outage = InferenceUnreachableError()``: every call of any kind fails until it is None again.
    - ``inference.models``, ``inference.swap_answer``: the answers to `list_models` and `swap_model`, each a document
      or an error; ``inference.swapped``: the model tags that were requested.
    - ``inference.offered``: the models that a conversation may name; None for all.
    - ``inference.trace_ids``: the trace id of each call of any kind but ping.

    Args:
        patience_seconds: how long a reply may pause, in real time, before it fails with InferenceTimeoutError;
            without limit by default.
        can_continue: what :attr:`chatcore.ports.Inference.can_continue` says. A script for a request with text so far
            has only what follows that text.
    """

    def __init__(self, *, patience_seconds: float | None = None, can_continue: bool = True) -> None:
        self._can_continue = can_continue
        self.calls: list[InferenceCall] = []
        self.outage: InferenceError | None = None
        self.models: ModelsDocument | InferenceError = _NO_MODELS
        self.offered: frozenset[str] | None = None
        self.swap_answer: ModelsDocument | InferenceError = _SWAPPED
        self.swapped: list[str] = []
        self.trace_ids: list[str | None] = []
        self._patience_seconds = patience_seconds
        self._script: tuple[Step, ...] = (token_frame("Hello"), DONE_FRAME)
        self._next_scripts: deque[tuple[Step, ...]] = deque()
        self._released = asyncio.Event()
        self._changed = asyncio.Event()

    def say(self, *tokens: str) -> None:
        """Makes every reply from now on complete and consist of these tokens."""
        self.play(*map(token_frame, tokens), DONE_FRAME)

    def play(self, *steps: Step) -> None:
        """Makes every reply from now on follow these steps."""
        self._script = steps

    def play_next(self, *steps: Step) -> None:
        """Makes the next reply follow these steps; another call applies to the reply after that."""
        self._next_scripts.append(steps)

    def release(self) -> None:
        """Lets every paused reply go on to its next step."""
        for call in self.calls:
            call.is_paused = False
        self._released.set()
        self._released = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when `condition` holds, which is checked whenever a call begins, pauses or ends."""
        while not condition():
            await self._changed.wait()

    async def until_paused(self, count: int = 1) -> None:
        """Returns when at least `count` replies are paused."""
        await self.until(lambda: sum(call.is_paused for call in self.calls) >= count)

    async def until_cancelled(self, count: int = 1) -> None:
        """Returns when at least `count` replies have been cancelled."""
        await self.until(lambda: sum(call.state is CallState.CANCELLED for call in self.calls) >= count)

    @property
    def can_continue(self) -> bool:
        """Returns whether the script can go on from a reply's text."""
        return self._can_continue

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Plays the next script, as :meth:`chatcore.ports.Inference.generate` says."""
        await self._enter(request.trace_id)
        call = InferenceCall(request)
        self.calls.append(call)
        self._note_change()
        script = self._next_scripts.popleft() if self._next_scripts else self._script
        try:
            await self._perform(script, call, on_frame)
            call.state = CallState.ENDED
        except asyncio.CancelledError:
            call.state = CallState.CANCELLED
            raise
        finally:
            if call.state is CallState.RUNNING:
                call.state = CallState.FAILED
            self._note_change()

    async def list_models(self, *, trace_id: str | None = None) -> ModelsDocument:
        """Returns `models` or raises its error, as :meth:`chatcore.ports.Models.list_models` says."""
        await self._enter(trace_id)
        return _document(self.models)

    async def offers(self, model_tag: str, *, trace_id: str | None = None) -> bool:
        """Returns whether `offered` has the model or is None, as :meth:`chatcore.ports.Models.offers` says."""
        await self._enter(trace_id)
        _document(self.models)
        return self.offered is None or model_tag in self.offered

    async def swap_model(self, model_tag: str, *, trace_id: str | None = None) -> ModelsDocument:
        """Returns `swap_answer` or raises its error, as :meth:`chatcore.ports.Models.swap_model` says."""
        await self._enter(trace_id)
        self.swapped.append(model_tag)
        return _document(self.swap_answer)

    async def ping(self) -> None:
        """Returns unless there is an outage, as :meth:`chatcore.ports.Inference.ping` says."""
        await asyncio.sleep(0)
        if self.outage is not None:
            raise self.outage

    async def _enter(self, trace_id: str | None) -> None:
        await self.ping()
        self.trace_ids.append(trace_id)

    async def _perform(self, script: tuple[Step, ...], call: InferenceCall, on_frame: Callable[[Frame], None]) -> None:
        delivery = _Delivery(on_frame)
        for step in script:
            # Other tasks run between the steps, as they do over a network.
            await asyncio.sleep(0)
            match step:
                case bytes() if delivery.deliver(step):
                    break
                case bytes():
                    pass
                case InferenceError():
                    raise step
                case _:
                    await self._pause(call)
        delivery.finish()

    async def _pause(self, call: InferenceCall) -> None:
        released = self._released
        call.is_paused = True
        self._note_change()
        try:
            await asyncio.wait_for(released.wait(), self._patience_seconds)
        except TimeoutError as error:
            raise InferenceTimeoutError from error
        finally:
            # The pause also ends after a cancellation or a timeout.
            call.is_paused = False

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _document(answer: ModelsDocument | InferenceError) -> ModelsDocument:
    if isinstance(answer, InferenceError):
        raise answer
    return answer
