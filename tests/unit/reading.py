"""Reads replies that another process generates."""

from chatcore import Reader, Stretch
from tests.unit.conftest import ADA, World


async def following(world: World, turn_world: World, offset: int | None = None) -> Reader[Stretch]:
    """Returns a reader on `world` of the only reply that `turn_world` generates."""
    (generation,) = turn_world.chat.runner.running
    lease = generation.lease
    reader = await world.chat.turns.follow(ADA, lease.conversation_id, lease.message_id, offset=offset)
    assert reader is not None
    return reader


def rest(reader: Reader[Stretch]) -> str:
    """Takes all text that is ready for the reader."""
    text = ""
    while (stretch := reader.take()) is not None:
        assert not stretch.is_rewind
        text += stretch.text
    return text
