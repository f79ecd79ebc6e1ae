"""How tests read a reply whose maker is another process."""

from chatcore import Reader, Stretch
from tests.unit.conftest import ADA, World


async def following(world: World, turn_world: World, offset: int | None = None) -> Reader[Stretch]:
    """A reader on `world` of the only reply that `turn_world` makes."""
    (generation,) = turn_world.chat.runner.running
    lease = generation.lease
    reader = await world.chat.turns.follow(ADA, lease.conversation_id, lease.message_id, offset=offset)
    assert reader is not None
    return reader


def rest(reader: Reader[Stretch]) -> str:
    """All text that has come for a reader."""
    text = ""
    while (stretch := reader.take()) is not None:
        assert not stretch.is_rewind
        text += stretch.text
    return text
