"""Tests the places between the results of a search."""

from uuid import UUID, uuid4

import pytest

from chatcore.conversations.message import ConversationId
from chatcore.errors import InvalidInputError
from chatcore.search.listing import SearchPlace
from chatcore.testing.samples import later

_ID = UUID(int=2**127)


def test_a_place_survives_being_handed_out() -> None:
    for position in (0, 17):
        place = SearchPlace(later(1 / 7), ConversationId(uuid4()), position)

        assert SearchPlace.decode(place.encode()) == place


@pytest.mark.parametrize("encoded", ["", "x", f"1-{_ID}", f"1-2-{_ID}\n", f"01-2-{_ID}", f"-1-2-{_ID}"])
def test_what_no_place_was_encoded_as_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        SearchPlace.decode(encoded)
