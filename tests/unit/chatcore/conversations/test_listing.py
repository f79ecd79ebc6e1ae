"""Pages and cursors of the list of conversations."""

from datetime import UTC, datetime, timedelta

import pytest

from chatcore.conversations.listing import MAX_OFFSET, Cursor, PageRequest
from chatcore.errors import InvalidInputError
from chatcore.testing.samples import a_conversation


@pytest.mark.parametrize(
    "at", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)], ids=str
)
def test_a_cursor_survives_being_sent_to_the_caller_and_back(at: datetime) -> None:
    cursor = Cursor.after(a_conversation(at=at))

    assert Cursor.decode(cursor.encode()) == cursor


def test_cursors_of_neighbouring_microseconds_differ() -> None:
    conversation = a_conversation()
    neighbour = Cursor(conversation.updated_at + timedelta(microseconds=1), conversation.id)

    assert neighbour.encode() != Cursor.after(conversation).encode()


@pytest.mark.parametrize("encoded", ["", "forged", "01-3fa85f64-5717-4562-b3fc-2c963f66afa6", "1-x", "\u0661-x"])
def test_a_cursor_that_was_never_given_out_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidInputError):
        Cursor.decode(encoded)


@pytest.mark.parametrize(("limit", "offset"), [(1, 0), (200, MAX_OFFSET)])
def test_a_page_may_have_1_to_200_conversations(limit: int, offset: int) -> None:
    assert PageRequest(limit=limit, offset=offset).limit == limit


@pytest.mark.parametrize(
    ("limit", "offset", "named"), [(0, 0, "limit"), (201, 0, "limit"), (1, -1, "offset"), (1, MAX_OFFSET + 1, "offset")]
)
def test_a_page_out_of_bounds_is_refused_by_name(limit: int, offset: int, named: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        PageRequest(limit=limit, offset=offset)

    assert [problem.field for problem in caught.value.problems] == [named]
