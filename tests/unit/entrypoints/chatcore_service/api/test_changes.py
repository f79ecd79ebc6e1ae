"""Following changes over HTTP, as a stream and as pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from attrs import frozen
from tests.unit.conftest import until
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService, running_service, with_streams

from chatcore.replies.transcript import End
from chatcore.sync.feeds import TICK_SECONDS
from chatcore_memory import FrozenClock
from chatcore_service.api.feed_documents import FeedEncoder

_LIFE_SECONDS = 5.0


@frozen
class Feeds:
    """A service on a clock of the test's own, whose streams live for five seconds."""

    service: HttpService
    clock: FrozenClock

    @asynccontextmanager
    async def follow(self, query: str = "", headers: dict[str, str] = ALICE) -> AsyncIterator[asyncio.Task[str]]:
        """Opens a feed, and ends its life after the block; the task then has the text of the stream."""
        open_before = open_feeds(self.service)
        following = asyncio.create_task(self._follow(query, headers))
        await until(lambda: open_feeds(self.service) > open_before)
        yield following
        await self.clock.elapse(_LIFE_SECONDS + 1)
        await following

    async def _follow(self, query: str, headers: dict[str, str]) -> str:
        response = await self.service.client.get(f"/api/events{query}", headers=headers)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache"
        return response.text

    async def page(self, query: str = "", headers: dict[str, str] = ALICE) -> dict[str, Any]:
        """Returns a page of changes."""
        response = await self.service.client.get(f"/api/changes{query}", headers=headers)
        assert response.status_code == 200
        page: dict[str, Any] = response.json()
        return page


def open_feeds(service: HttpService) -> int:
    """Returns how many feeds are open."""
    return sum(service.container.feed_streams()._open.values())


def events(text: str) -> list[tuple[str, str, Any]]:
    """Returns the id, the name and the data of each event; one without a name only has an id."""
    *frames, end = text.split("\n\n")
    assert end == ""
    found = []
    for frame in frames:
        if frame.startswith(":"):
            continue
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        data = fields.get("data")
        found.append((fields["id"], fields.get("event", ""), None if data is None else json.loads(data)))
    return found


@pytest.fixture
async def feeds() -> AsyncIterator[Feeds]:
    clock = FrozenClock()
    async with running_service(with_streams(max_seconds=_LIFE_SECONDS), clock) as service:
        yield Feeds(service, clock)


async def test_a_feed_tells_what_is_created_changed_and_deleted(feeds: Feeds) -> None:
    client = feeds.service.client
    await feeds.service.conversation()
    async with feeds.follow() as following:
        conversation = await feeds.service.conversation()
        await feeds.clock.elapse(TICK_SECONDS)
        created = (await client.get(conversation, headers=ALICE)).json()
        await client.patch(conversation, json={"is_pinned": True, "instructions": "Be brief.\n"}, headers=ALICE)
        await feeds.clock.elapse(TICK_SECONDS)
        changed = (await client.get(conversation, headers=ALICE)).json()
        await client.delete(conversation, headers=ALICE)
        await feeds.clock.elapse(TICK_SECONDS)

    text = following.result()
    assert text.endswith("\n\n: reconnect\n\n")
    place, *told = events(text)
    for opened in (created, changed):
        opened.pop("messages")
    assert place[1:] == ("", None)
    assert [event[1:] for event in told] == [
        ("conversation", created),
        ("conversation", changed),
        ("deleted", {"id": created["id"]}),
    ]


async def test_a_feed_goes_on_from_an_id_in_the_header_or_in_the_query(feeds: Feeds) -> None:
    async with feeds.follow() as following:
        first, second = await feeds.service.conversation(), await feeds.service.conversation()
        await feeds.clock.elapse(TICK_SECONDS)
    (start, _, _), (middle, _, _), (end, _, _) = events(following.result())

    for query, headers, expected in (
        (f"?after={start}", ALICE, [first, second]),
        (f"?after={middle}", ALICE, [second]),
        ("", {**ALICE, "Last-Event-ID": middle}, [second]),
        (f"?after={start}", {**ALICE, "Last-Event-ID": end}, []),
    ):
        async with feeds.follow(query, headers) as following:
            pass
        told = [data["id"] for _, _, data in events(following.result()) if data]
        assert told == [conversation.rpartition("/")[2] for conversation in expected]


async def test_an_id_of_another_user_leads_to_the_callers_own_changes(feeds: Feeds) -> None:
    bobs = await feeds.page(headers=BOB)
    await feeds.service.conversation(BOB)
    alices = await feeds.service.conversation(ALICE)

    page = await feeds.page(f"?after={bobs['next']}")
    async with feeds.follow(f"?after={bobs['next']}") as following:
        pass
    for told in (page["items"], [{"data": data} for _, _, data in events(following.result())]):
        assert [item["data"]["id"] for item in told] == [alices.rpartition("/")[2]]


async def test_pages_tell_the_same_as_a_feed(feeds: Feeds) -> None:
    begin = await feeds.page()
    conversations = [await feeds.service.conversation() for _ in range(3)]
    await feeds.service.client.delete(conversations[0], headers=ALICE)

    first = await feeds.page(f"?after={begin['next']}&limit=2")
    rest = await feeds.page(f"?after={first['next']}")
    last = await feeds.page(f"?after={rest['next']}")
    async with feeds.follow(f"?after={begin['next']}") as following:
        pass

    assert begin.keys() == {"items", "next", "reset"}
    assert [page["reset"] for page in (begin, first, rest, last)] == [False] * 4
    assert [len(page["items"]) for page in (begin, first, rest, last)] == [0, 2, 1, 0]
    told = [(item["id"], item["event"], item["data"]) for item in first["items"] + rest["items"]]
    assert [event[1:] for event in told] == [event[1:] for event in events(following.result())]
    assert first["items"][-1]["id"] == first["next"]


async def test_an_unknown_place_is_a_reset_from_which_to_go_on(feeds: Feeds) -> None:
    await feeds.service.conversation()
    for unknown in ("1-1-00000000", "ffffffffff-1-00000000", "1-fffffff-deadbeef"):
        page = await feeds.page(f"?after={unknown}")
        async with feeds.follow(f"?after={unknown}") as following:
            pass
        ((id_, event, data),) = events(following.result())

        assert (page["items"], page["reset"]) == ([], True)
        assert (event, data) == ("reset", {})
        for place in (page["next"], id_):
            assert (await feeds.page(f"?after={place}"))["reset"] is False


@pytest.mark.parametrize("value", ["", "1", "1-2-3", "x", "1-2-00000000x", "5-end", "é"])
async def test_a_malformed_id_is_refused(service: HttpService, value: str) -> None:
    by_header = await service.client.get(
        "/api/events", headers=httpx.Headers({**ALICE, "Last-Event-ID": value}, "utf-8")
    )
    by_query = [await service.client.get(path, params={"after": value}, headers=ALICE) for path in _PATHS]

    assert (by_header.status_code, by_header.json()["code"]) == (400, "malformed_event_id")
    for response in by_query:
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == ["after"]


_PATHS = ("/api/events", "/api/changes")


async def test_an_id_may_be_given_once(service: HttpService) -> None:
    id_ = "1-2-00000000"
    twice = [*ALICE.items(), ("Last-Event-ID", id_), ("Last-Event-ID", id_)]

    assert (await service.client.get("/api/events", headers=twice)).status_code == 400
    for path in _PATHS:
        assert (await service.client.get(f"{path}?after={id_}&after={id_}", headers=ALICE)).status_code == 422


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1.5", "many"])
async def test_a_limit_out_of_range_is_refused(service: HttpService, limit: str) -> None:
    response = await service.client.get(f"/api/changes?limit={limit}", headers=ALICE)

    assert [error["field"] for error in response.json()["errors"]] == ["limit"]


async def test_head_opens_no_feed(service: HttpService) -> None:
    response = await service.client.head("/api/events", headers=ALICE)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    assert (response.content, open_feeds(service)) == (b"", 0)
    page = await service.client.head("/api/changes", headers=ALICE)
    assert (page.status_code, page.content) == (200, b"")


async def test_feeds_have_a_limit_of_their_own() -> None:
    clock = FrozenClock()
    settings = with_streams(max_seconds=_LIFE_SECONDS, max_feeds_per_user=2, max_per_user=1)
    async with running_service(settings, clock) as service:
        feeds = Feeds(service, clock)
        async with feeds.follow(), feeds.follow(), feeds.follow(headers=BOB):
            refused = await service.client.get("/api/events", headers=ALICE)
            # The streams of replies are not concerned.
            await service.turn(await service.conversation())
        async with feeds.follow():
            pass

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_feeds")
    assert int(refused.headers["retry-after"]) > 0


async def test_a_feed_that_could_not_be_opened_counts_for_nothing(service: HttpService) -> None:
    service.storage.outage = True
    responses = [await service.client.get("/api/events", headers=ALICE) for _ in range(21)]
    assert {response.status_code for response in responses} == {503}

    assert open_feeds(service) == 0


async def test_an_idle_feed_is_kept_alive() -> None:
    clock = FrozenClock()
    async with running_service(with_streams(max_seconds=40.0), clock) as service:
        feeds = Feeds(service, clock)
        async with feeds.follow() as following:
            await clock.elapse(39)

    assert following.result().count(": keep-alive\n\n") == 2


async def test_the_token_of_a_feed_is_validated_every_five_minutes() -> None:
    clock = FrozenClock()
    async with running_service(clock=clock) as service:
        following = asyncio.create_task(service.client.get("/api/events", headers=ALICE))
        await until(lambda: open_feeds(service))
        service.auth.reject("token-of-alice")
        await clock.elapse(299)
        assert not following.done()
        await clock.elapse(3)
        response = await following

    assert response.text.endswith(": reconnect\n\n")


async def test_open_feeds_are_counted_by_a_metric(feeds: Feeds) -> None:
    async def counted(client: httpx.AsyncClient) -> bool:
        return "\nchatcore_open_feeds 1.0\n" in (await client.get("/metrics")).text

    async with feeds.follow():
        assert await counted(feeds.service.client)
    assert not await counted(feeds.service.client)


async def test_a_feed_is_told_to_reconnect_when_the_process_drains() -> None:
    clock = FrozenClock()
    async with running_service(clock=clock) as service:
        following = asyncio.create_task(service.client.get("/api/events", headers=ALICE))
        await until(lambda: open_feeds(service))
        draining = asyncio.create_task(service.container.shutdown().drain())
        await until(following.done)
        await until(draining.done)
        late = await service.client.get("/api/events", headers=ALICE)

    assert following.result().text.endswith(": reconnect\n\n")
    assert late.text == ": reconnect\n\n"


def test_a_feed_ends_in_one_way_only() -> None:
    assert FeedEncoder().end(End()) == b": reconnect\n\n"
