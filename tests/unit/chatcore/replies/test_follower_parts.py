"""Readers of replies that have reasoning and data besides their text: all of them get the same log."""

import json
from functools import partial

import pytest
from tests.unit.chatcore.replies.stream_client import Client
from tests.unit.conftest import ADA, World, has_ended, until
from tests.unit.inference_by_hand import Call, InferenceByHand

from chatcore import Part, PartKind, Status, Turn
from chatcore.conversations.log import parts_of
from chatcore.conversations.places import Place
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.replies.rescue import Rescue
from chatcore_memory.frames import parse


def send(call: Call, *events: str) -> None:
    """Lets the model send events."""
    for event in events:
        call.on_frame(parse(f"data: {event}\n\n".encode()))


THOUGHT, MORE = '{"reasoning":"hm👩‍🚀"}', '{"reasoning":"so"}'
HEL, LO = '{"token":"Hel"}', '{"token":"lo"}'
TOOL = '{"call" : "a b",  "x":1}'
DATA = Part(PartKind.DATA, '{"call":"a b","x":1}')


async def stored_parts(world: World, turn: Turn) -> list[Part]:
    message = await world.reply(turn)
    return list(parts_of(message.content, message.pieces))


async def crashed(world: World, *events: str, rescue: Rescue = Rescue.CONTINUE) -> tuple[Turn, World, Call]:
    """A reply whose owner stored some events and died, and which another process has taken over."""
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    send(call, *events)
    await world.chat.checkpointer.checkpoint()
    second = world.replica(inference=InferenceByHand(can_continue=True), rescue=rescue)
    world.clock.advance(LEASE_SECONDS + 1)
    await second.chat.pending_work.sweep()
    return turn, second, await second.inference.call()


async def test_every_reader_gets_the_same_log(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    clients = [Client() for _ in range(3)]
    readers = [await client.connect(world, turn) for client in clients[:2]]
    readers.append(await clients[2].connect(world.replica(), turn))
    async with world.chat:
        for event in (THOUGHT, HEL, LO, TOOL, MORE, MORE, TOOL, LO, THOUGHT):
            send(call, event)
            clients[0].take(readers[0])
            await world.clock.elapse(0.3)
            clients[2].take(readers[2])
        call.close()
        await until(lambda: has_ended(turn))
        await world.clock.elapse(1)
        for client, reader in zip(clients, readers, strict=True):
            client.take(reader)

    expected = [
        Part(PartKind.REASONING, "hm👩‍🚀"),
        Part(PartKind.TEXT, "Hello"),
        DATA,
        Part(PartKind.REASONING, "soso"),
        DATA,
        Part(PartKind.TEXT, "lo"),
        Part(PartKind.REASONING, "hm👩‍🚀"),
    ]
    assert await stored_parts(world, turn) == expected
    for client in clients:
        assert (client.parts, client.has_ended) == (expected, True)


async def test_a_finished_log_is_read_from_any_position(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    whole = Client()
    reader = await whole.connect(world, turn)
    send(call, THOUGHT, HEL, TOOL, MORE, LO)
    call.close()
    await until(lambda: has_ended(turn))
    whole.take(reader)

    for position, (kind, _) in enumerate(whole.log):
        if kind is not None:
            client = Client(log=whole.log[:position], place=Place(position))
            client.take(await client.connect(world, turn))
            assert client.log == whole.log


async def test_a_reply_of_reasoning_alone_is_complete_and_has_no_text(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    send(call, THOUGHT)
    call.close()
    await until(lambda: has_ended(turn))

    reply = await world.reply(turn)
    assert (reply.status, reply.content) == (Status.COMPLETE, "")
    assert reply.parts == (Part(PartKind.REASONING, "hm👩‍🚀"),)


@pytest.mark.parametrize(
    ("event", "takes_place"),
    [(TOOL, True), ('{"usage":{"x":1}}', False), (THOUGHT, False), ('{"token":" \\n"}', False)],
)
async def test_a_regenerated_reply_takes_the_place_of_the_earlier_one_with_something_to_see(
    world: World, event: str, *, takes_place: bool
) -> None:
    conversation = await world.conversation()
    for begin, step in ((world.send, HEL), (world.regenerate, event)):
        turn = await begin(conversation)
        call = await world.inference.call()
        send(call, step)
        call.close()
        await until(partial(has_ended, turn))

    assert (await world.path(conversation))[-1] == ("" if takes_place else "Hel")


async def test_the_model_is_shown_text_alone(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    send(call, THOUGHT, HEL, TOOL, LO)
    call.close()
    await until(lambda: has_ended(turn))

    await world.send(conversation, "Go on")

    request = (await world.inference.call()).request
    assert [message.content for message in request.messages] == ["Hello", "Hello", "Go on"]


@pytest.mark.parametrize(
    ("events", "kept", "so_far"),
    [
        ((THOUGHT, HEL, TOOL, MORE), [THOUGHT, HEL], "Hel"),
        ((THOUGHT, HEL, TOOL, LO), [THOUGHT, HEL, TOOL, LO], "Hello"),
        ((THOUGHT, TOOL), [], ""),
    ],
)
async def test_a_takeover_goes_on_after_the_last_text(
    world: World, events: tuple[str, ...], kept: list[str], so_far: str
) -> None:
    client = Client()
    turn, second, call = await crashed(world, *events)
    assert call.request.so_far == so_far
    client = Client(log=[(PartKind.TEXT, "?")] * 40, place=Place(40))

    reader = await client.connect(second, turn)
    client.take(reader)
    send(call, MORE, TOOL, '{"token":"!"}')
    call.close()
    await until(lambda: not second.chat.runner.running)
    client.take(reader)

    cut = sum(len(DATA.body) if event is TOOL else len(next(iter(json.loads(event).values()))) for event in kept)
    assert (await world.reply(turn)).cuts == (cut,)
    assert client.rewinds == [cut]
    fresh = Client()
    fresh.take(await fresh.connect(second, turn))
    assert fresh.parts == await stored_parts(world, turn)
    assert fresh.log[cut:] == client.log[cut:]
    assert fresh.parts[-3:] == [Part(PartKind.REASONING, "so"), DATA, Part(PartKind.TEXT, "!")]


async def test_a_restart_begins_a_new_log(world: World) -> None:
    turn, second, call = await crashed(world, THOUGHT, HEL, TOOL, rescue=Rescue.RESTART)
    send(call, MORE, LO)
    call.close()
    await until(lambda: not second.chat.runner.running)

    assert await stored_parts(world, turn) == [Part(PartKind.REASONING, "so"), Part(PartKind.TEXT, "lo")]
    assert (await world.reply(turn)).cuts == (0,)


async def stopped_and_continued(world: World, *events: str) -> tuple[Turn, Call]:
    """A reply that was stopped after some events, and that goes on."""
    conversation = await world.conversation()
    turn = await world.send(conversation)
    send(await world.inference.call(), *events)
    await world.chat.turns.stop(ADA, conversation.id, turn.reply.id)
    await until(lambda: has_ended(turn))
    turn = await world.chat.turns.continue_reply(ADA, conversation.id, turn.reply.id)
    return turn, await world.inference.call()


@pytest.fixture
def able(world: World) -> World:
    """A process whose model can go on from its own text."""
    return world.replica(inference=InferenceByHand(can_continue=True))


async def test_a_continuation_grows_the_log(able: World) -> None:
    turn, call = await stopped_and_continued(able, THOUGHT, HEL, TOOL)
    client = Client()
    reader = await client.connect(able, turn)
    send(call, MORE, LO, TOOL)
    call.close()
    await until(lambda: has_ended(turn))
    client.take(reader)

    assert call.request.so_far == "Hel"
    assert client.parts == [
        Part(PartKind.REASONING, "hm👩‍🚀"),
        Part(PartKind.TEXT, "Hel"),
        DATA,
        Part(PartKind.REASONING, "so"),
        Part(PartKind.TEXT, "lo"),
        DATA,
    ]
    assert await stored_parts(able, turn) == client.parts
    assert (await able.reply(turn)).cuts == (6 - 1 + 3 + len(DATA.body),)


@pytest.mark.parametrize("how", ["closed", "failed", "recovered"])
async def test_what_a_continuation_brings_without_text_is_dropped(able: World, how: str) -> None:
    turn, call = await stopped_and_continued(able, THOUGHT, HEL)
    before = await able.reply(turn)
    here, elsewhere = Client(), Client()
    third = able.replica(inference=InferenceByHand(can_continue=True))
    readers = [await here.connect(able, turn), await elsewhere.connect(third, turn)]
    send(call, MORE, TOOL)
    await able.chat.checkpointer.checkpoint()
    await able.clock.elapse(0.3)
    for client, reader in zip((here, elsewhere), readers, strict=True):
        client.take(reader)
        assert len(client.parts) == 4
    if how == "closed":
        call.close()
    elif how == "failed":
        call.fail(RuntimeError("the model broke"))
    else:
        await able.storage.request_stop(ADA.id, turn.reply.conversation_id, turn.reply.id)
        able.clock.advance(LEASE_SECONDS + 1)
        await third.chat.pending_work.sweep()
        await able.chat.checkpointer.checkpoint()
    await until(lambda: has_ended(turn))
    await able.clock.elapse(1)

    reply = await able.reply(turn)
    assert (reply.status, reply.content, reply.pieces) == (Status.STOPPED, "Hel", before.pieces)
    elsewhere.take(readers[1])
    assert (elsewhere.parts, elsewhere.has_ended) == (list(reply.parts), True)
    if how != "recovered":
        here.take(readers[0])
        assert (here.parts, here.has_ended) == (list(reply.parts), True)


async def test_pieces_of_a_checkpoint_whose_answer_was_lost_are_stored_once(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    send(call, THOUGHT, HEL)
    real = world.storage.checkpoint

    async def lose_the_answer(*arguments: object) -> object:
        await real(*arguments)  # type: ignore[arg-type]  # what the checkpointer passes
        raise RuntimeError("the answer was lost")

    world.storage.checkpoint = lose_the_answer  # type: ignore[method-assign, assignment]  # a storage that fails
    await world.chat.checkpointer.checkpoint()
    world.storage.checkpoint = real  # type: ignore[method-assign]  # the storage as it was
    send(call, MORE, TOOL)
    call.close()
    await until(lambda: has_ended(turn))

    assert await stored_parts(world, turn) == [
        Part(PartKind.REASONING, "hm👩‍🚀"),
        Part(PartKind.TEXT, "Hel"),
        Part(PartKind.REASONING, "so"),
        DATA,
    ]


async def test_a_long_log_is_read_in_pages_by_a_slow_reader(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    for _ in range(4):
        send(call, json.dumps({"reasoning": "r" * 30_000}), json.dumps({"token": "t" * 30_000}), TOOL)
    call.close()
    await until(lambda: has_ended(turn))

    for place in (Place(0), Place(29_999), Place(60_000), Place(200_000)):
        client = Client(log=[(PartKind.TEXT, "?")] * place.position, place=place)
        reader = await client.connect(world, turn)
        while not client.has_ended:
            client.take(reader)
            if reader.end is None:
                await reader.wait()
        log = (await world.reply(turn)).log
        assert len(client.log) == log.length
        texts = "".join(char for _, char in client.log[place.position :])
        assert texts == "".join(stretch.text for stretch in log.stretches(place.position, log.length))
