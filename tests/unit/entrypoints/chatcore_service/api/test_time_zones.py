"""Time zones by their names, and the dates of instants in them."""

from datetime import UTC, date, datetime

import pytest

from chatcore.errors import InvalidInputError
from chatcore_service.api.time_zones import date_in, time_zone


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "GB-Eire"])
def test_a_zone_is_found_by_its_name(name: str) -> None:
    assert str(time_zone(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Europe",
        "Europe/",
        "Europe/Berlin ",
        "Europe/Berlin\n",
        "Europe/Atlantis",
        "europe/berlin",
        "localtime",
        "posixrules",
        "right/UTC",
        "zone.tab",
        "/usr/share/zoneinfo/UTC",
        "../UTC",
        "Europe/../UTC",
        "Europe//Berlin",
        "UTC\x00",
        "+02:00",
        "Z" * 5000,
        "A/" * 31 + "A",
        "\u0415urope/Berlin",
        "Europe/\ud83d",
    ],
)
def test_a_name_that_no_zone_has_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        time_zone(name)

    assert [problem.field for problem in caught.value.problems] == ["tz"]


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        # Clocks go forward in the night: the day of 23 hours begins an hour earlier than the next one.
        ("Europe/Berlin", "2026-03-28T22:59:59.999999Z", "2026-03-28"),
        ("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"),
        # The day of 25 hours.
        ("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25"),
        ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25"),
        ("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26"),
        # Midnight itself is skipped.
        ("America/Havana", "2026-03-08T04:59:59Z", "2026-03-07"),
        ("America/Havana", "2026-03-08T05:00:00Z", "2026-03-08"),
        # A whole day was skipped.
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
        ("Pacific/Kiritimati", "2026-01-01T10:00:00Z", "2026-01-02"),
        ("Asia/Kathmandu", "2026-01-01T18:14:59Z", "2026-01-01"),
        ("Asia/Kathmandu", "2026-01-01T18:15:00Z", "2026-01-02"),
    ],
)
def test_an_instant_has_the_date_of_its_zone(zone: str, instant: str, expected: str) -> None:
    assert date_in(time_zone(zone), datetime.fromisoformat(instant)) == date.fromisoformat(expected)


@pytest.mark.parametrize("instant", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_an_instant_at_the_end_of_the_calendar_has_a_date_everywhere(instant: datetime) -> None:
    for zone in ("Etc/GMT+12", "Etc/GMT-14"):
        assert abs((date_in(time_zone(zone), instant) - instant.date()).days) <= 1
