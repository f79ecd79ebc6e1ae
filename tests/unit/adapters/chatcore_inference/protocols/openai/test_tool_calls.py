"""Tests how tool calls are put together from their pieces."""

import pytest

from chatcore.conversations.parts import MAX_DATA_BYTES
from chatcore.errors import InferenceRefusedError
from chatcore_inference.protocols.openai.tool_calls import ToolCalls


def piece(index: int | None = None, *, id_: str | None = None, **function: object) -> dict[str, object]:
    """Returns a piece of a call, without a number or an id if that is None."""
    numbered = {} if index is None else {"index": index}
    return {**numbered, **({} if id_ is None else {"id": id_}), "function": function}


def assembled(*pieces: object) -> list[tuple[object, object, object]]:
    """Returns the id, the name and the arguments of each call, with each piece in a chunk of its own."""
    calls = ToolCalls()
    for each in pieces:
        calls.add([each])
    return [(call["id"], *call["function"].values()) for call in calls.take()]  # type: ignore[attr-defined]


def test_pieces_of_one_call_are_joined() -> None:
    assert assembled(
        piece(0, id_="a", name="add", arguments=""), piece(0, arguments='{"x"'), piece(0, arguments=":1}")
    ) == [("a", "add", '{"x":1}')]


def test_calls_may_come_in_turns() -> None:
    assert assembled(
        piece(0, id_="a", name="add"), piece(1, id_="b", name="sub"), piece(0, arguments="1"), piece(1, arguments="2")
    ) == [("a", "add", "1"), ("b", "sub", "2")]


def test_calls_without_numbers_are_told_apart_by_their_ids() -> None:
    assert assembled(
        piece(id_="a", name="add", arguments="1"),
        piece(id_="b", name="add", arguments="2"),
        piece(id_="a", arguments="3"),
    ) == [("a", "add", "13"), ("b", "add", "2")]


def test_pieces_without_a_number_or_an_id_belong_to_the_last_call() -> None:
    assert assembled(
        piece(id_="a", name="add"), piece(arguments="1"), piece(id_="b", name="sub"), piece(arguments="2")
    ) == [("a", "add", "1"), ("b", "sub", "2")]


def test_a_name_begins_a_call_where_there_is_neither_a_number_nor_an_id() -> None:
    assert assembled(piece(name="add", arguments="1"), piece(name="sub", arguments="2")) == [
        ("", "add", "1"),
        ("", "sub", "2"),
    ]


def test_calls_that_all_have_the_number_0_are_told_apart_by_their_ids() -> None:
    assert assembled(piece(0, id_="a", name="add", arguments="1"), piece(0, id_="b", name="sub", arguments="2")) == [
        ("a", "add", "1"),
        ("b", "sub", "2"),
    ]


def test_an_id_and_a_name_that_are_repeated_count_once() -> None:
    assert assembled(piece(0, id_="a", name="add", arguments="1"), piece(0, id_="a", name="add", arguments="2")) == [
        ("a", "add", "12")
    ]


def test_an_empty_id_is_none() -> None:
    assert assembled(piece(0, id_="a", name="add"), piece(0, id_="", name="", arguments="1")) == [("a", "add", "1")]


def test_arguments_may_be_an_object() -> None:
    assert assembled(piece(0, id_="a", name="add", arguments={"x": 1})) == [("a", "add", '{"x":1}')]


@pytest.mark.parametrize("pieces", [None, 5, "call", {}, [None, 5, "call", []]])
def test_what_is_no_call_is_ignored(pieces: object) -> None:
    calls = ToolCalls()
    calls.add(pieces)

    assert calls.take() == []


def test_calls_are_taken_once() -> None:
    calls = ToolCalls()
    calls.add([piece(0, id_="a", name="add")])

    assert calls.take()
    assert calls.take() == []


@pytest.mark.parametrize("large", [piece(0, arguments="x" * MAX_DATA_BYTES), piece(0, id_="x" * MAX_DATA_BYTES)])
def test_calls_that_are_too_large_are_refused(large: object) -> None:
    with pytest.raises(InferenceRefusedError):
        ToolCalls().add([large])


def test_a_flood_of_calls_is_refused() -> None:
    with pytest.raises(InferenceRefusedError):
        ToolCalls().add([{"index": index} for index in range(MAX_DATA_BYTES // 50)])
