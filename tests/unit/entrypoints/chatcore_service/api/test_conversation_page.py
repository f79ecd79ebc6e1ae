"""Lists of conversations over HTTP: archived ones, pinned ones, and the dates of a time zone."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService, Json
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

from chatcore import UserId
from chatcore.testing.samples import a_conversation, later

_LIST = "/api/conversations"


async def listed(service: HttpService, query: str = "") -> Json:
    response = await service.client.get(f"{_LIST}?{query}", headers=ALICE)
    assert response.status_code == 200
    document: Json = response.json()
    return document


def ids(items: list[Json]) -> list[str]:
    return [item["id"] for item in items]


async def change(service: HttpService, path: str, **changes: object) -> Json:
    document: Json = (await service.client.patch(path, json=changes, headers=ALICE)).json()
    return document


async def test_an_archived_conversation_is_in_a_list_of_its_own(service: HttpService) -> None:
    kept, archived = await service.conversation(), await service.conversation()
    before = await service.open(archived)

    shown = await change(service, archived, is_archived=True)

    assert (shown["is_archived"], shown["updated_at"]) == (True, before["updated_at"])
    assert (
        ids((await listed(service))["items"]) == ids((await listed(service, "archived=false"))["items"]) == [kept[-36:]]
    )
    document = await listed(service, "archived=true")
    assert document["items"] == [shown]
    assert list(document["grouped"].values()) == [[shown]]
    assert await service.open(archived) == {**shown, "messages": []}


async def test_each_list_has_cursors_of_its_own(service: HttpService) -> None:
    made = [await service.conversation() for _ in range(6)]
    for path in made[::2]:
        await change(service, path, is_archived=True)

    for query, expected in (("archived=true", made[::2]), ("archived=false", made[1::2])):
        first = await listed(service, f"{query}&limit=2")
        second = await listed(service, f"{query}&limit=2&cursor={first['next_cursor']}")
        assert ids(first["items"] + second["items"]) == [path[-36:] for path in reversed(expected)]
        assert second["next_cursor"] is None


async def test_a_message_takes_its_conversation_out_of_the_archive(service: HttpService) -> None:
    path = await service.conversation()
    await change(service, path, is_archived=True)

    opened = await service.turn(path)

    assert opened["is_archived"] is False
    assert ids((await listed(service))["items"]) == [path[-36:]]


async def test_the_first_page_has_the_pinned_ones_and_later_pages_have_none(service: HttpService) -> None:
    oldest, *_ = [await service.conversation() for _ in range(3)]
    pinned = await change(service, oldest, is_pinned=True)

    first = await listed(service, "limit=2")
    rest = await listed(service, f"limit=2&cursor={first['next_cursor']}")
    by_offset = await listed(service, "limit=2&offset=2")

    assert (first["pinned"], oldest[-36:] in ids(first["items"])) == ([pinned], False)
    assert (rest["pinned"], rest["items"]) == ([], [pinned])
    assert (by_offset["pinned"], by_offset["items"]) == ([], [pinned])
    assert (await listed(service, "archived=true"))["pinned"] == []


async def test_a_list_is_grouped_by_the_dates_of_the_time_zone(service: HttpService) -> None:
    # Half past nine in the evening, and half past midnight of the next day in Berlin.
    instants = ["2026-06-30T19:30:00Z", "2026-06-30T22:30:00Z"]
    for instant in instants:
        await service.storage.create_conversation(a_conversation(UserId("alice"), at=datetime.fromisoformat(instant)))

    document = await listed(service, "tz=Europe/Berlin")
    late, early = document["items"]
    assert list(document["grouped"].items()) == [("2026-07-01", [late]), ("2026-06-30", [early])]
    assert list((await listed(service))["grouped"].items()) == [("2026-06-30", [late, early])]
    assert list((await listed(service, "tz=America/New_York"))["grouped"].items()) == [("2026-06-30", [late, early])]


async def test_a_date_that_comes_twice_is_one_group(service: HttpService) -> None:
    # At one minute past midnight, clocks were set back to one minute past eleven.
    instants = ["2010-11-07T02:29:00Z", "2010-11-07T02:30:30Z", "2010-11-07T02:31:30Z"]
    for instant in instants:
        await service.storage.create_conversation(a_conversation(UserId("alice"), at=datetime.fromisoformat(instant)))

    document = await listed(service, "tz=America/St_Johns")
    newest, middle, oldest = document["items"]
    assert document["grouped"] == {"2010-11-06": [newest, oldest], "2010-11-07": [middle]}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("tz=", ["tz"]),
        ("tz=Mars/Olympus", ["tz"]),
        ("tz=Europe", ["tz"]),
        ("tz=..%2FUTC", ["tz"]),
        ("tz=UTC&tz=UTC", ["tz"]),
        ("tz=%00", ["tz"]),
        ("tz=" + "A" * 5000, ["tz"]),
        ("archived=", ["archived"]),
        ("archived=1", ["archived"]),
        ("archived=True", ["archived"]),
        ("archived=true&archived=true", ["archived"]),
        ("archived=maybe&tz=x&limit=0", ["archived", "limit", "tz"]),
    ],
)
async def test_a_malformed_parameter_is_refused_by_its_name(service: HttpService, query: str, named: list[str]) -> None:
    response = await service.client.get(f"{_LIST}?{query}", headers=ALICE)

    assert (response.status_code, sorted(fields(response))) == (422, named)


async def test_a_page_of_any_size_has_at_most_a_hundred_pinned_ones(service: HttpService) -> None:
    for minutes in range(101):
        await service.storage.create_conversation(
            evolve(a_conversation(UserId("alice"), at=later(minutes)), is_pinned=True)
        )

    document = await listed(service, "limit=1")

    assert (len(document["items"]), len(document["pinned"])) == (1, 100)
    assert document["pinned"][0] == document["items"][0]
