"""What a reply keeps in memory while it is made: not what was asked, which may be many times its own size."""

import asyncio
import weakref
from collections.abc import Callable

from tests.unit.conftest import World, until
from tests.unit.inference_by_hand import InferenceByHand

from chatcore.ports import Frame, InferenceRequest


class LetsGoOfTheRequest(InferenceByHand):
    """Keeps nothing of what it was asked, as a client that has sent it does."""

    asked: "weakref.ref[InferenceRequest] | None" = None

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        self.asked = weakref.ref(request)
        del request
        on_frame(Frame(b'data: {"token":"Hi"}\n\n', "Hi"))
        await asyncio.Event().wait()


async def test_the_history_is_let_go_as_soon_as_the_model_has_it(world: World) -> None:
    inference = LetsGoOfTheRequest()
    process = world.replica(inference=inference)
    turn = await process.send(await process.conversation())
    await until(lambda: inference.asked)

    assert turn.generation is not None
    assert turn.generation.transcript.length
    assert inference.asked is not None
    assert inference.asked() is None

    await process.chat.drain(0)
