"""Tests the use cases of exports and imports over memory."""

from tests.unit.conftest import ADA, BOB, World

from chatcore.ports import Addition
from chatcore.testing.samples import ALICE
from chatcore.testing.storage.transfers import a_transfer
from chatcore.user import User


async def test_an_export_has_all_conversations_of_its_user_only(world: World) -> None:
    mine = {(await world.conversation()).id for _ in range(120)}
    await world.conversation(BOB)

    exported = [opened.conversation.id async for opened in world.chat.transfers.export(ADA)]

    assert exported == sorted(mine)


async def test_a_conversation_that_is_deleted_meanwhile_is_left_out(world: World) -> None:
    first, second, third = sorted([(await world.conversation()).id for _ in range(3)])
    export = world.chat.transfers.export(ADA)

    assert (await anext(export)).conversation.id == first
    await world.chat.conversations.delete(ADA, second)

    assert [opened.conversation.id async for opened in export] == [third]


async def test_what_was_added_is_exported_as_it_is(world: World) -> None:
    transfer, user = a_transfer(), User(id=ALICE)

    assert await world.chat.transfers.add(transfer) is Addition.ADDED
    assert await world.chat.transfers.add(transfer) is Addition.PRESENT

    (opened,) = [opened async for opened in world.chat.transfers.export(user)]
    assert opened.conversation == transfer.conversation
    assert await opened.messages() == transfer.messages
    ids = [message.id for message in transfer.messages]
    assert await world.chat.transfers.usages(user, transfer.conversation.id, ids) == transfer.usages
