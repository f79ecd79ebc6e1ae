"""Every instant has a time zone, and is counted in microseconds without a loss."""

from datetime import UTC, datetime

import pytest
from attrs import field, frozen

from chatcore.errors import InvalidInputError
from chatcore.timestamps import from_microseconds, require_aware, to_microseconds


@frozen
class Event:
    at: datetime = field(validator=require_aware)


def test_an_instant_with_a_time_zone_is_taken() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert Event(noon).at == noon


def test_an_instant_without_a_time_zone_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Event(datetime(2026, 1, 1, 12))  # noqa: DTZ001 - the naive instant is the case

    assert [problem.field for problem in caught.value.problems] == ["at"]


@pytest.mark.parametrize("microseconds", [0, 1, 1_767_225_600_123_457, 253_402_300_799_999_999])
def test_an_instant_comes_back_from_its_microseconds(microseconds: int) -> None:
    assert to_microseconds(from_microseconds(microseconds)) == microseconds
