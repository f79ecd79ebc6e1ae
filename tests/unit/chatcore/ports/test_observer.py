"""Tests which events the observer receives, and when."""

from collections.abc import Callable

from tests.unit.conftest import World, until
from tests.unit.inference_by_hand import InferenceByHand

from chatcore.ports import Frame, InferenceRequest, NullObserver
from chatcore.replies.lease import FinalState, Lease


class RecordingListener(NullObserver):
    """Records the starts and ends of replies."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def generation_started(self, _lease: Lease, trace_id: str | None) -> None:
        self.events.append(f"start of {trace_id}")

    def generation_ended(self, _lease: Lease, _final_state: FinalState | None, trace_id: str | None) -> None:
        self.events.append(f"end of {trace_id}")


class AnswersAtOnce(InferenceByHand):
    """Sends the whole reply before any other task runs."""

    async def generate(self, _request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        on_frame(Frame(b'data: {"token":"Hi"}\n\n', "Hi"))
        on_frame(Frame(b'data: {"done":true}\n\n', is_closing=True))


async def test_a_start_is_reported_while_the_reply_is_generated(world: World) -> None:
    listener = RecordingListener()
    process = world.replica(observer=listener)
    await process.send(await process.conversation(), trace_id="trace-1")
    call = await process.inference.call()

    assert listener.events == ["start of trace-1"]

    call.close()
    await until(lambda: listener.events == ["start of trace-1", "end of trace-1"])


async def test_a_start_is_reported_before_the_end_even_of_an_instant_reply(world: World) -> None:
    listener = RecordingListener()
    process = world.replica(observer=listener, inference=AnswersAtOnce())
    await process.send(await process.conversation(), trace_id="trace-1")
    await process.chat.drain(0)

    assert listener.events == ["start of trace-1", "end of trace-1"]
