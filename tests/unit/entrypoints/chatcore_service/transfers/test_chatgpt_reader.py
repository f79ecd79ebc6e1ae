"""Tests that the export of ChatGPT is read, whatever is odd about its trees."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.entrypoints.chatcore_service.transfers.reading_by_hand import read

from chatcore import Message, PartKind, ReplyError, Role, Status
from chatcore.conversations.conversation import TitleSource
from chatcore.conversations.message import FinishReason
from chatcore.transfers.transferred import TransferredConversation

_ID = "0b0e4a0c-1d2a-4f2f-9a53-9f4f6f1d8c11"
_BEGIN = 1_700_000_000.25


def a_node(parent: str | None, role: str, *parts: object, time: float | None = None, **message: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    author = {"role": role, "name": message.pop("name", None)}
    content = {"content_type": message.pop("content_type", "text"), "parts": list(parts)}
    return {"parent": parent, "message": {"author": author, "content": content, "create_time": time, **message}}


def a_chat(nodes: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"id": _ID, "title": "A chat", "create_time": _BEGIN, "update_time": _BEGIN + 60, "mapping": nodes, **fields}


def only(chat: object) -> TransferredConversation:
    (conversation,), problems = read(json.dumps([chat]).encode())
    assert problems == []
    return conversation


def texts(conversation: TransferredConversation) -> list[tuple[str, str | None]]:
    """Returns the text of each message, with that of its parent."""
    by_id = {message.id: message.content for message in conversation.messages}
    return [(each.content, by_id[each.parent_id] if each.parent_id else None) for each in conversation.messages]


def test_a_chat_is_read_with_its_times_and_its_title() -> None:
    nodes = {
        "root": {"parent": None, "message": None},
        "q": a_node("root", "user", "Hello", time=_BEGIN + 1),
        "a": a_node(
            "q",
            "assistant",
            "Hi",
            time=_BEGIN + 2,
            metadata={"model_slug": "gpt-4o", "finish_details": {"type": "max_tokens"}},
        ),
    }

    result = only(a_chat(nodes, current_node="a", is_starred=True, is_archived=True))

    conversation, (question, reply) = result.conversation, result.messages
    assert (str(conversation.id), conversation.title, conversation.title_source) == (_ID, "A chat", TitleSource.AUTO)
    assert conversation.created_at == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)
    assert (conversation.updated_at - conversation.created_at).total_seconds() == 60
    assert (conversation.is_pinned, conversation.is_archived) == (True, True)
    assert (conversation.model_tag, conversation.head_id) == ("default", reply.id)
    assert (question.role, question.content, question.parent_id) == (Role.USER, "Hello", None)
    assert (reply.role, reply.content, reply.parent_id) == (Role.ASSISTANT, "Hi", question.id)
    assert (reply.model_tag, reply.finish_reason) == ("gpt-4o", FinishReason.LENGTH)
    assert (reply.created_at - conversation.created_at).total_seconds() == 2


def test_branches_roots_and_orphans_are_kept() -> None:
    nodes = {
        "q": a_node(None, "user", "question"),
        "a1": a_node("q", "assistant", "first"),
        "a2": a_node("q", "assistant", "second"),
        "q2": a_node("a2", "user", "more"),
        "edit": a_node(None, "user", "another root"),
        "orphan": a_node("gone", "assistant", "orphan"),
    }

    result = only(a_chat(nodes, current_node="a1"))

    assert set(texts(result)) == {
        ("question", None),
        ("first", "question"),
        ("second", "question"),
        ("more", "second"),
        ("another root", None),
        ("orphan", None),
    }
    assert [message.content for message in result.messages if message.id == result.conversation.head_id] == ["first"]


def test_circles_are_broken() -> None:
    nodes = {
        "a": a_node("b", "user", "a"),
        "b": a_node("c", "assistant", "b"),
        "c": a_node("a", "user", "c"),
        "self": a_node("self", "user", "self"),
    }

    assert set(texts(only(a_chat(nodes)))) == {("a", None), ("c", "a"), ("b", "c"), ("self", None)}


def test_what_nobody_sees_is_left_out_and_its_children_move_up() -> None:
    hidden = {"is_visually_hidden_from_conversation": True}
    nodes = {
        "root": {"message": None},
        "system": a_node("root", "system", "Be nice"),
        "about": a_node("system", "user", "I am Ada", metadata=hidden),
        "context": a_node("about", "user", content_type="user_editable_context", user_profile="x"),
        "q": a_node("context", "user", "Hello"),
        "empty": a_node("q", "assistant", ""),
        "a": a_node("empty", "assistant", "Hi"),
    }

    result = only(a_chat(nodes, current_node="empty"))

    assert texts(result) == [("Hello", None), ("Hi", "Hello")]
    assert result.conversation.head_id == next(iter(result.messages)).id


def test_a_chain_of_thoughts_tools_and_texts_is_one_reply_with_parts() -> None:
    thoughts = [{"summary": "Sum", "content": "I add."}, {"content": "Done."}]
    nodes = {
        "q": a_node(None, "user", "1+1?"),
        "t": {
            "parent": "q",
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "thoughts", "thoughts": thoughts},
            },
        },
        "say": a_node("t", "assistant", "Let me see."),
        "call": {
            "parent": "say",
            "message": {
                "author": {"role": "assistant"},
                "recipient": "python",
                "content": {"content_type": "code", "text": "1+1"},
            },
        },
        "result": {
            "parent": "call",
            "message": {
                "author": {"role": "tool", "name": "python"},
                "content": {"content_type": "execution_output", "text": "2"},
            },
        },
        "a": a_node("result", "assistant", "It is 2.", "Sure."),
    }

    _, reply = only(a_chat(nodes, current_node="a")).messages

    assert [(part.kind, part.body) for part in reply.parts] == [
        (PartKind.REASONING, "Sum\n\nI add.\n\nDone."),
        (PartKind.TEXT, "Let me see."),
        (PartKind.DATA, '{"tool_call":{"name":"python","text":"1+1"}}'),
        (PartKind.DATA, '{"tool_result":{"name":"python","text":"2"}}'),
        (PartKind.TEXT, "It is 2.\n\nSure."),
    ]


def test_long_thoughts_and_very_many_tools_fit_what_a_reply_may_have() -> None:
    nodes = {
        "t": {
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "thoughts", "thoughts": [{"content": "x" * 40_000}]},
            }
        }
    }
    before = "t"
    for number in range(1100):
        nodes[f"{number}"] = a_node(before, "tool", "é" * 5000)
        before = f"{number}"

    (reply,) = only(a_chat(nodes)).messages

    assert [len(piece.body) for piece in reply.pieces[:3]] == [16384, 16384, 7232]
    assert sum(len(piece.body.encode()) for piece in reply.pieces if piece.kind is PartKind.DATA) <= 256 * 1024


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"parts": ["a", {"content_type": "image_asset_pointer"}, "b"]}, "a\n\n[image]\n\nb"),
        ({"parts": [{"content_type": "audio_transcription", "text": "said"}, {"content_type": "new"}]}, "said"),
        ({"content_type": "code", "text": "x = 1", "language": "python"}, "x = 1"),
        ({"content_type": "tether_quote", "text": "quoted"}, "quoted"),
        ({"parts": [None, 7, ["x"], "a\x00"]}, "a"),
    ],
)
def test_content_of_many_kinds_is_read(message: dict[str, Any], text: str) -> None:
    node = {"message": {"author": {"role": "user"}, "content": {"content_type": "multimodal_text", **message}}}

    (found,) = only(a_chat({"q": node})).messages

    assert found.content.rstrip("?\ufffd") == text


@pytest.mark.parametrize("title", [None, "", " ", 7, "New chat\u200b"[8:]])
def test_a_missing_title_is_the_default_one(title: object) -> None:
    conversation = only(a_chat({}, title=title)).conversation

    assert (conversation.title, conversation.title_source) == ("New conversation", TitleSource.DEFAULT)


def test_a_long_title_is_cut() -> None:
    assert only(a_chat({}, title="x" * 900)).conversation.title == "x" * 500


@pytest.mark.parametrize("time", [None, "soon", 1e300, -1e300, True, 0, []])
def test_a_time_that_is_none_is_made_up_for(time: object) -> None:
    nodes = {"q": a_node(None, "user", "Hello", time=_BEGIN), "a": a_node("q", "assistant", "Hi")}
    nodes["a"]["message"]["create_time"] = time

    result = only(a_chat(nodes, create_time=time, update_time=time))

    assert {
        *(message.created_at for message in result.messages),
        result.conversation.created_at,
        result.conversation.updated_at,
    } == {datetime.fromtimestamp(_BEGIN, UTC)}


def test_a_stopped_reply_says_so() -> None:
    node = a_node(None, "assistant", "Well", metadata={"finish_details": {"type": "interrupted"}})

    (reply,) = only(a_chat({"a": node})).messages

    assert (reply.status, reply.error, reply.finish_reason) == (Status.STOPPED, ReplyError.STOPPED, None)


def test_the_ids_follow_from_the_source_and_from_the_conversation() -> None:
    nodes = {"q": a_node(None, "user", "Hello")}
    first, again = only(a_chat(nodes)), only(a_chat(nodes))
    other = only(a_chat(nodes, id="no-uuid"))

    assert first == again
    assert only(a_chat(nodes, id="no-uuid")).conversation.id == other.conversation.id != first.conversation.id
    # A branched conversation has the nodes of the one that it was branched off.
    assert ids(other.messages) & ids(first.messages) == set()


def ids(messages: Any) -> set[object]:  # noqa: ANN401 - a sequence of messages
    return {message.id for message in messages if isinstance(message, Message)}


@pytest.mark.parametrize("wrong", [7, None, [], {}, "x", {"id": _ID}, {"id": 7, "mapping": {}}, {"mapping": {}}])
def test_what_is_no_conversation_is_a_problem_and_the_others_are_read(wrong: object) -> None:
    found, problems = read(json.dumps([a_chat({}), wrong, a_chat({}, id="x")]).encode())

    assert len(found) == 2
    assert [problem.line for problem in problems] == [2]


@pytest.mark.parametrize("odd", [None, 7, "x", [], {"message": 7}, {"message": {"author": 7, "content": []}}])
def test_a_node_of_an_unexpected_shape_is_passed_over(odd: object) -> None:
    nodes = {"odd": odd, "q": a_node("odd", "user", "Hello")}

    assert texts(only(a_chat(nodes))) == [("Hello", None)]


def test_a_file_that_is_cut_off_or_broken_gives_what_came_before() -> None:
    file = json.dumps([a_chat({}), a_chat({}, id="x")]).encode()

    cut, broken = read(file[:-20]), read(file.replace(b', {"id"', b", }{"))

    assert [len(found) for found, _ in (cut, broken)] == [1, 1]
    assert [[problem.line for problem in problems] for _, problems in (cut, broken)] == [[2], [2]]
