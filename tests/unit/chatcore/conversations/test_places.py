"""Places in replies that several generations have made."""

import pytest

from chatcore.conversations.places import START, Place

_KEPT = {
    "one generation": (Place(5), (), Place(5)),
    "before the cut": (Place(2), (5,), Place(2, 2)),
    "at the cut": (Place(5), (5,), Place(5, 2)),
    "shown more than is kept": (Place(9), (5,), Place(5, 2)),
    "shown by the present generation": (Place(9, 2), (5,), Place(9, 2)),
    "two takeovers missed": (Place(20), (15, 10), Place(10, 3)),
    "two takeovers missed, the lower cut first": (Place(20), (10, 15), Place(10, 3)),
    "one takeover missed": (Place(20, 2), (10, 15), Place(15, 3)),
    "begun again": (Place(20), (0,), Place(0, 2)),
    "a generation that never was": (Place(20, 9), (10,), Place(20, 2)),
    "a reader without anything": (START, (10,), Place(0, 2)),
}


@pytest.mark.parametrize(("place", "cuts", "kept"), _KEPT.values(), ids=_KEPT)
def test_a_reader_keeps_what_is_part_of_the_reply(place: Place, cuts: tuple[int, ...], kept: Place) -> None:
    assert place.within(cuts) == kept


@pytest.mark.parametrize(
    ("place", "id_"), [(Place(0), "0"), (Place(7), "7"), (Place(7, 2), "7-2"), (Place(0, 3), "0-3")]
)
def test_an_id_names_the_generation_from_the_second_on(place: Place, id_: str) -> None:
    assert place.id == id_
