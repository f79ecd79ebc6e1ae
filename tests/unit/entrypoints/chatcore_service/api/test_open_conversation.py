"""Opened conversations over HTTP: the whole path, pages of it, and what is read for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService, make_container
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

from chatcore import Chat, Conversation, MessageSlice
from chatcore.conversations.log import Log, Piece, bytes_of
from chatcore.conversations.parts import PartKind
from chatcore.conversations.path import MAX_PATH_PAGE_BYTES, MAX_SECTION_CHARS, MAX_SLICE_BYTES, MAX_SLICE_MESSAGES
from chatcore.errors import StorageUnavailableError
from chatcore.replies.orphans import Resumption
from chatcore.testing.samples import AWKWARD_TEXT, a_conversation, a_final_state, progress
from chatcore.testing.storage.steps import begin, checkpoint, converse, end
from chatcore.user import User
from chatcore_memory import FrozenClock, InMemoryStorage, ScriptedInference
from chatcore_service.api import open_conversation
from chatcore_service.api.open_conversation import PIECE_BYTES

ALL_CONTROL = "".join(chr(code) for code in range(1, 0x20)) + '\x7f"\\/'


async def stored(storage: InMemoryStorage, *replies: str) -> Conversation:
    conversation = a_conversation()
    await storage.create_conversation(conversation)
    for reply in replies:
        await converse(storage, conversation, "Tell me", reply)
    return conversation


async def opened(service: HttpService, conversation: Conversation, query: str = "") -> dict[str, Any]:
    return await service.open(f"/api/conversations/{conversation.id}{query}")


def contents(document: dict[str, Any]) -> list[str]:
    return [message["content"] for message in document["messages"]]


# -- The whole path ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "replies",
    [
        [],
        ["short"],
        ["short"] * MAX_SLICE_MESSAGES,
        [AWKWARD_TEXT * 400] * 9,
        [ALL_CONTROL * 2000, "short", ALL_CONTROL * 2001],
        ["💬" * MAX_SECTION_CHARS, "x" * (MAX_SLICE_BYTES + 1), "é💬" * (MAX_SECTION_CHARS + 1)],
    ],
    ids=["empty", "one turn", "many turns", "awkward text", "control characters", "long messages"],
)
@pytest.mark.parametrize("query", ["", "?branches=all"])
async def test_every_message_arrives_as_it_is(service: HttpService, replies: Sequence[str], query: str) -> None:
    conversation = await stored(service.storage, *replies)

    document = await opened(service, conversation, query)

    assert contents(document)[1::2] == list(replies)
    ids = [message["stream_id"] for message in document["messages"]]
    assert (ids[::2], ids[1::2]) == ([None] * len(replies), [str(len(reply)) for reply in replies])
    assert "previous_cursor" not in document
    assert {message["conversation_id"] for message in document["messages"]} <= {str(conversation.id)}


@pytest.mark.parametrize("replies", [["short"], ["x" * 1000] * 50], ids=["one turn", "a slice of a hundred messages"])
async def test_a_small_conversation_has_a_length(service: HttpService, replies: Sequence[str]) -> None:
    conversation = await stored(service.storage, *replies)

    response = await service.client.get(f"/api/conversations/{conversation.id}", headers=ALICE)

    assert int(response.headers["content-length"]) == len(response.content)


@pytest.mark.parametrize("text", ["x", "💬", "\x01"], ids=["ascii", "emoji", "control"])
async def test_a_large_conversation_is_encoded_in_pieces(text: str) -> None:
    storage = InMemoryStorage(FrozenClock())
    conversation = await stored(storage, *[text * 8000] * 40, text * 400_000)
    conversations = Chat(storage=storage, inference=ScriptedInference(), clock=FrozenClock()).conversations

    path = await conversations.open(User(id=conversation.user_id), conversation.id)
    pieces = [len(piece) async for piece in open_conversation._pieces(path, is_page=False)]

    assert len(pieces) > 3
    # A text of 16 Ki characters takes at most 96 KiB of JSON.
    assert max(pieces) < PIECE_BYTES + 97 * 1024


async def test_the_text_so_far_of_a_running_reply_is_shown(service: HttpService) -> None:
    conversation = await stored(service.storage, "short")
    lease = await begin(service.storage, conversation)
    await checkpoint(service.storage, progress(lease, AWKWARD_TEXT))

    document = await opened(service, conversation)
    reply = document["messages"][-1]

    assert (reply["content"], reply["status"], reply["token_count"]) == (AWKWARD_TEXT, "streaming", None)
    assert reply["stream_id"] == str(len(AWKWARD_TEXT))
    assert document["active_reply_id"] == reply["id"] == str(lease.message_id)


async def test_the_stream_id_of_a_reply_that_was_taken_over_names_the_generation(service: HttpService) -> None:
    conversation = await stored(service.storage)
    lease = await begin(service.storage, conversation)
    await checkpoint(service.storage, progress(lease, "Hello"))
    await service.storage.recover(lease, lambda orphan: Resumption(len(orphan.text), len(orphan.text)))

    document = await opened(service, conversation)

    assert document["messages"][-1]["stream_id"] == "5-2"


async def test_the_running_reply_is_named_wherever_a_conversation_is_shown(service: HttpService) -> None:
    path = await service.conversation()
    created = await service.open(path)
    reply_id = (await service.paused_reply(path)).rpartition("/")[2]

    listed = (await service.client.get("/api/conversations", headers=ALICE)).json()
    renamed = await service.client.put(path, json={"title": "x"}, headers=ALICE)
    changed = await service.client.patch(path, json={"is_pinned": True}, headers=ALICE)

    assert created["active_reply_id"] is None
    shown = [*listed["items"], *next(iter(listed["grouped"].values())), renamed.json(), changed.json()]
    assert [conversation["active_reply_id"] for conversation in shown] == [reply_id] * 4
    service.inference.release()


# -- Pages -------------------------------------------------------------------------------------------------------------


async def test_pages_go_back_from_the_newest_message_to_the_root(service: HttpService) -> None:
    conversation = await stored(service.storage, *(f"answer {number}" for number in range(3)))
    everything = (await opened(service, conversation))["messages"]

    pages, query = [], "?limit=4"
    while query:
        page = await opened(service, conversation, query)
        pages.append(page["messages"])
        query = page["previous_cursor"] and f"?limit=4&before={page['previous_cursor']}"

    assert [len(page) for page in pages] == [4, 2]
    assert [message for page in reversed(pages) for message in page] == everything


async def test_a_cursor_alone_requests_a_page_of_the_default_size(service: HttpService) -> None:
    conversation = await stored(service.storage, *(f"answer {number}" for number in range(60)))
    first = await opened(service, conversation, "?limit=1")

    second = await opened(service, conversation, f"?before={first['previous_cursor']}")

    assert len(second["messages"]) == 50
    assert second["previous_cursor"] == second["messages"][0]["id"]


async def test_a_page_of_long_messages_has_fewer_of_them(service: HttpService) -> None:
    conversation = await stored(service.storage, *["x" * (MAX_PATH_PAGE_BYTES // 2)] * 3)

    page = await opened(service, conversation, "?limit=200")

    assert len(page["messages"]) == 2
    assert page["previous_cursor"] == page["messages"][0]["id"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=1", "limit"),
        ("before=x", "before"),
        ("before=", "before"),
        ("before=00000000000000000000000000000001", "before"),
        (f"before={UUID(int=1)}", "before"),
        (f"before={UUID(int=1)}&before={UUID(int=1)}", "before"),
        ("before=x&limit=0&branches=some", "before"),
    ],
)
async def test_what_names_no_page_is_refused(service: HttpService, query: str, field: str) -> None:
    conversation = await stored(service.storage, "short")

    response = await service.client.get(f"/api/conversations/{conversation.id}?{query}", headers=ALICE)

    assert response.status_code == 422
    assert field in fields(response)


async def test_a_cursor_of_another_conversation_is_refused_like_garbage(service: HttpService) -> None:
    conversation, other = await stored(service.storage, "short"), await stored(service.storage, "other")
    path = f"/api/conversations/{conversation.id}"
    cursor = (await opened(service, other, "?limit=1"))["previous_cursor"]

    others, unknown = [
        await service.client.get(f"{path}?before={before}", headers=ALICE) for before in (cursor, UUID(int=1))
    ]

    assert others.status_code == unknown.status_code == 422
    assert others.json()["errors"] == unknown.json()["errors"]


async def test_pages_do_not_apply_to_the_tree(service: HttpService) -> None:
    conversation = await stored(service.storage, "short", "short")

    document = await opened(service, conversation, "?branches=all&limit=1")

    assert (len(document["messages"]), "previous_cursor" in document) == (4, False)


# -- What is read, and what breaks -------------------------------------------------------------------------------------


async def test_head_reads_no_message(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = await stored(service.storage, "short")
    read = list[object]()
    for method in ("open_path", "read_slice", "read_tree", "read_text"):
        monkeypatch.setattr(service.storage, method, lambda *call: read.append(call))
    path = f"/api/conversations/{conversation.id}"

    responses = [
        await service.client.head(f"{path}{query}", headers=headers)
        for query in ("", "?branches=all", "?limit=1")
        for headers in (ALICE, BOB)
    ]
    refused = await service.client.head(f"{path}?limit=0", headers=ALICE)

    assert [response.status_code for response in responses] == [200, 404] * 3
    assert (responses[0].content, responses[0].headers["content-type"]) == (b"", "application/json")
    assert "content-length" not in responses[0].headers
    assert (refused.status_code, read) == (422, [])


class FailingStorage(InMemoryStorage):
    """Fails from the second slice on."""

    async def read_slice(self, *_: object) -> MessageSlice:
        raise StorageUnavailableError

    async def read_tree(self, user_id: str, conversation_id: Any, after: int) -> MessageSlice:  # noqa: ANN401 - not used
        if after:
            raise StorageUnavailableError
        return await super().read_tree(user_id, conversation_id, after)


@pytest.mark.parametrize("query", ["", "?branches=all"])
async def test_a_storage_that_fails_before_anything_is_sent_is_reported(query: str) -> None:
    # The first slice is less than one piece.
    await _fails_with(503, query, "short", "x" * (MAX_SLICE_BYTES - 10))


async def _fails_with(status: int, query: str, *replies: str) -> None:
    container = make_container()
    clock = FrozenClock()
    storage = FailingStorage(clock)
    container.storage.override(storage)
    conversation = await stored(storage, *replies)
    app = container.application()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chat.test") as client,
    ):
        response = await client.get(f"/api/conversations/{conversation.id}{query}", headers=ALICE)
        container.shutdown().hurry()

    assert response.status_code == status


_THOUGHT = "hm\x01👩‍🚀"
_DATA = '{"call":"\\u0000 é","x":[1.50]}'


def _with_parts(text: str, thought: str = _THOUGHT, data: str = _DATA) -> tuple[Piece, ...]:
    """Reasoning before the text, and a data part and reasoning after half of it."""
    first = Piece(0, 0, PartKind.REASONING, thought)
    half = len(text) // 2
    call = Piece(first.end + half, half, PartKind.DATA, data)
    return first, call, Piece(call.end, half, PartKind.REASONING, "so")


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize(
    ("text", "thought"),
    [("Hello", "hm"), ("Hello é💬\n" * 3000, "hm"), ("Hello é💬\n" * 9000, "hm"), ("Hello", "\x01é💬" * 40_000)],
    ids=["short", "long", "longer than a slice", "longer reasoning than a slice"],
)
async def test_a_reply_is_shown_with_its_parts(
    service: HttpService, text: str, thought: str, *, is_running: bool
) -> None:
    pieces = _with_parts(text, thought)
    conversation = await stored(service.storage, "short")
    lease = await begin(service.storage, conversation)
    await checkpoint(service.storage, evolve(progress(lease, text), pieces=pieces))
    if not is_running:
        await end(service.storage, lease, evolve(a_final_state(text), pieces_bytes=bytes_of(pieces)))

    document = await opened(service, conversation)
    *others, reply = document["messages"]

    assert all("parts" not in message for message in others)
    assert (reply["content"], reply["stream_id"]) == (text, str(Log(text, pieces).length))
    assert reply["parts"] == [
        {"type": "reasoning", "text": thought},
        {"type": "text", "text": text[: len(text) // 2]},
        {"type": "data", "data": {"call": "\x00 é", "x": [1.5]}},
        {"type": "reasoning", "text": "so"},
        {"type": "text", "text": text[len(text) // 2 :]},
    ]


async def test_a_data_part_is_shown_as_the_model_sent_it(service: HttpService) -> None:
    conversation = await stored(service.storage, "short")
    lease = await begin(service.storage, conversation)
    await checkpoint(service.storage, evolve(progress(lease, ""), pieces=(Piece(0, 0, PartKind.DATA, _DATA),)))

    response = await service.client.get(f"/api/conversations/{conversation.id}", headers=ALICE)

    assert f'"parts":[{{"type":"data","data":{_DATA}}}]' in response.text
