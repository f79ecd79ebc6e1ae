"""Every instant has a time zone."""

from datetime import UTC, datetime

import pytest
from attrs import field, frozen

from chatcore.errors import InvalidInputError
from chatcore.timestamps import require_aware


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
