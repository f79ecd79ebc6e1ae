"""What the observer hears of a reply, and when."""

from collections.abc import Callable

from tests.unit.conftest import World, until
from tests.unit.inference_by_hand import InferenceByHand

from chatcore.ports import Frame, InferenceRequest, NullObserver
from chatcore.replies.lease import FinalState, Lease


class Listener(NullObserver):
    """Remembers what it heard of starts and ends."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def generation_started(self, _lease: Lease, trace_id: str | None) -> None:
        self.heard.append(f"start of {trace_id}")

    def generation_ended(self, _lease: Lease, _ending: FinalState | None, trace_id: str | None) -> None:
        self.heard.append(f"end of {trace_id}")


class AnswersAtOnce(InferenceByHand):
    """Has said everything before anybody else comes to their turn."""

    async def generate(self, _request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        on_frame(Frame(b'data: {"token":"Hi"}\n\n', "Hi"))
        on_frame(Frame(b'data: {"done":true}\n\n', is_closing=True))


async def test_a_start_is_heard_of_while_the_reply_is_made(world: World) -> None:
    listener = Listener()
    process = world.replica(observer=listener)
    await process.send(await process.conversation(), trace_id="trace-1")
    call = await process.inference.call()

    assert listener.heard == ["start of trace-1"]

    call.close()
    await until(lambda: listener.heard == ["start of trace-1", "end of trace-1"])


async def test_a_start_is_heard_of_before_the_end_even_where_they_are_one(world: World) -> None:
    listener = Listener()
    process = world.replica(observer=listener, inference=AnswersAtOnce())
    await process.send(await process.conversation(), trace_id="trace-1")
    await process.chat.drain(0)

    assert listener.heard == ["start of trace-1", "end of trace-1"]
