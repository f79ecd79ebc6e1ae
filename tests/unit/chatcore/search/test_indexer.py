"""Tests that what waits is indexed in the background."""

from tests.unit.conftest import ADA, World

from chatcore.errors import StorageUnavailableError


async def _finds(world: World, query: str) -> bool:
    return bool((await world.chat.search.find(ADA, query)).results)


async def test_a_message_and_its_reply_are_found_within_two_seconds(world: World) -> None:
    conversation = await world.conversation()
    async with world.chat:
        await world.send(conversation, "Where do walruses live?")
        await world.clock.elapse(2)
        assert await _finds(world, "walrus")

        call = await world.inference.call()
        call.say("In the Arctic.")
        call.close()
        await world.clock.elapse(2)

        assert await _finds(world, "arctic")


async def test_many_texts_are_indexed_one_batch_after_the_other(world: World) -> None:
    for number in range(120):
        await world.chat.conversations.create(ADA, title=f"Walrus {number}")

    await world.chat.indexer.index_some()

    assert await _finds(world, "walrus 0")
    assert await _finds(world, "walrus 119")


async def test_an_outage_is_reported_and_indexing_goes_on_after_it(world: World) -> None:
    await world.chat.conversations.create(ADA, title="Walruses")
    async with world.chat:
        world.storage.outage = True
        await world.clock.elapse(3)
        world.storage.outage = False
        await world.clock.elapse(4)

        assert await _finds(world, "walrus")
    assert ("sweeping", StorageUnavailableError) in [(what, type(error)) for what, error in world.observer.failures]


async def test_a_text_that_was_stored_while_its_process_died_is_indexed_by_another(world: World) -> None:
    await world.chat.conversations.create(ADA, title="Walruses")
    await world.storage.claim_pending(10)

    async with world.replica().chat:
        await world.clock.elapse(13)

        assert await _finds(world, "walrus")
