"""Provides an inference adapter whose every frame is the test's own move."""

import asyncio
from collections.abc import Callable

from chatcore.ports import Frame, Inference, InferenceRequest
from tests.unit.token_frames import CLOSING, frame


class Call:
    """Holds one call for a reply open until the test ends it."""

    def __init__(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        self.request = request
        self.on_frame = on_frame
        self.result: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Set once the caller has cancelled the call.
        self.was_cancelled = asyncio.Event()

    def say(self, *tokens: str) -> None:
        """Sends a frame for each token."""
        for token in tokens:
            self.on_frame(frame(token))

    def close(self) -> None:
        """Sends the closing frame and ends the call."""
        self.on_frame(CLOSING)
        self.result.set_result(None)

    def fail(self, error: Exception) -> None:
        """Ends the call with an error."""
        self.result.set_exception(error)


class InferenceByHand(Inference):
    """Passes every call to the test."""

    def __init__(self, *, can_continue: bool = False) -> None:
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self._can_continue = can_continue
        #: Whether the next cancellation is swallowed.
        self.is_stubborn = False

    @property
    def can_continue(self) -> bool:
        """Returns what the test says."""
        return self._can_continue

    async def call(self) -> Call:
        """Waits for the next call."""
        return await asyncio.wait_for(self._calls.get(), 5)

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Passes the call to the test and waits until the test ends it."""
        call = Call(request, on_frame)
        self._calls.put_nowait(call)
        try:
            await asyncio.shield(call.result)
        except asyncio.CancelledError:
            call.was_cancelled.set()
            if not self.is_stubborn:
                raise
            self.is_stubborn = False
            await call.result

    async def ping(self) -> None:
        """Returns at once."""
