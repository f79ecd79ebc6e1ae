"""Tests that only what can be stored and read again passes the check."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from attrs import evolve

from chatcore import Conversation, Message, PartKind, Piece, Role, Status
from chatcore.conversations.message import MessageId
from chatcore.errors import InvalidInputError
from chatcore.testing.samples import a_conversation
from chatcore.testing.storage.transfers import a_message, a_transfer
from chatcore.transfers.checked import checked
from chatcore.transfers.made_anew import MadeAnew

_CONVERSATION = a_conversation()
_QUESTION = a_message(_CONVERSATION, 1)
_REPLY = a_message(_CONVERSATION, 2, _QUESTION, role=Role.ASSISTANT)


def test_what_was_exported_passes_as_it_is() -> None:
    transfer = a_transfer()

    result = checked(transfer.conversation, transfer.messages, transfer.usages)

    assert evolve(result, messages=tuple(result.messages)) == transfer


def test_messages_get_their_positions_and_belong_to_the_conversation() -> None:
    other = a_conversation()

    result = checked(other, [evolve(_QUESTION, position=9), _REPLY], {})

    assert [message.position for message in result.messages] == [1, 2]
    assert {message.conversation_id for message in result.messages} == {other.id}


def test_messages_are_made_again_for_each_iteration() -> None:
    made: list[Message] = []

    def make() -> Iterator[Message]:
        for message in (_QUESTION, _REPLY):
            made.append(message)
            yield message

    result = checked(_CONVERSATION, MadeAnew(make, 2), {})

    assert (len(result.messages), len(made)) == (2, 2)
    assert _REPLY in result.messages
    assert list(result.messages) == list(result.messages) == [_QUESTION, _REPLY]
    assert len(made) == 8


def test_without_a_head_the_last_message_becomes_the_head() -> None:
    assert checked(_CONVERSATION, [_QUESTION, _REPLY], {}).conversation.head_id == _REPLY.id
    assert checked(_CONVERSATION, [], {}).conversation.head_id is None


def _data(body: str) -> Message:
    return evolve(_REPLY, pieces=(Piece(0, 0, PartKind.DATA, body),))


@pytest.mark.parametrize(
    "reply",
    [
        evolve(_REPLY, id=_QUESTION.id),
        evolve(_REPLY, parent_id=MessageId(uuid4())),
        evolve(_REPLY, parent_id=_REPLY.id),
        evolve(_REPLY, content="\x00"),
        evolve(_REPLY, content="\ud800"),
        evolve(_REPLY, model_tag=""),
        evolve(_REPLY, model_tag="x" * 1001),
        evolve(_REPLY, token_count=-1),
        evolve(_REPLY, inference_time_ms=2**31),
        evolve(_REPLY, token_count=None),
        evolve(_REPLY, status=Status.STREAMING),
        evolve(_REPLY, cuts=(10_000,)),
        evolve(_REPLY, cuts=(-1,)),
        evolve(_REPLY, cuts=(0,) * 1001),
        evolve(_QUESTION, id=_REPLY.id, status=Status.STOPPED),
        evolve(_REPLY, role=Role.USER, pieces=(Piece(0, 0, PartKind.REASONING, "so"),)),
        evolve(_REPLY, pieces=(Piece(0, 0, PartKind.REASONING, "\x00"),)),
        _data("[]"),
        _data("{"),
        _data('{"rewind":0}'),
        _data('{"a":' * 101 + "1" + "}" * 101),
        _data('{"a":"' + "x" * 256 * 1024 + '"}'),
        evolve(_REPLY, pieces=tuple(Piece(2 * n, 0, PartKind.DATA, "{}") for n in range(1001))),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(reply: Message) -> None:
    with pytest.raises(InvalidInputError):
        checked(_CONVERSATION, [_QUESTION, reply], {})


@pytest.mark.parametrize(
    "conversation",
    [
        evolve(_CONVERSATION, title=""),
        evolve(_CONVERSATION, title="x" * 2001),
        evolve(_CONVERSATION, title="\x00"),
        evolve(_CONVERSATION, model_tag=""),
        evolve(_CONVERSATION, instructions="x" * 8001),
    ],
)
def test_a_conversation_that_breaks_a_rule_is_refused(conversation: Conversation) -> None:
    with pytest.raises(InvalidInputError):
        checked(conversation, [], {})


def test_a_head_elsewhere_and_a_usage_that_is_no_object_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        checked(evolve(_CONVERSATION, head_id=MessageId(uuid4())), [_QUESTION], {})
    with pytest.raises(InvalidInputError):
        checked(_CONVERSATION, [_QUESTION, _REPLY], {_REPLY.id: "7"})
