"""When the keys are fetched: once at first, every five minutes in use, and at most once a minute for unknown keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog
from attrs import Factory, define
from tests.oidc_tokens import IssuerKey, ec_key, key_set

from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.key_cache import (
    FIRST_FETCH_SECONDS,
    REFRESH_SECONDS,
    UNKNOWN_KEY_SECONDS,
    KeyCache,
)
from chatcore_auth.validators.oidc.signing_keys import SigningKeys, read_signing_keys
from chatcore_memory import FrozenClock

OLD, NEW = ec_key("old"), ec_key("new")
LATER = "the issuer was asked for another key less than a minute ago"
DOWN = Unusable("down")


@define
class ScriptedFetch:
    """Gives the keys that the test sets, or the failure."""

    published: list[IssuerKey] | Unusable = Factory(lambda: [OLD])
    fetches: int = 0
    #: While this is cleared, no fetch ends.
    may_answer: asyncio.Event = Factory(asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self.may_answer.set()

    async def __call__(self) -> SigningKeys | Unusable:
        self.fetches += 1
        await self.may_answer.wait()
        if isinstance(self.published, Unusable):
            return self.published
        return read_signing_keys(key_set(*(key.jwk() for key in self.published)))


@pytest.fixture
def issuer() -> ScriptedFetch:
    return ScriptedFetch()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def keys(issuer: ScriptedFetch, clock: FrozenClock) -> AsyncIterator[KeyCache]:
    cache = KeyCache(issuer, clock, wait_seconds=5)
    yield cache
    await cache.close()


async def outcome(keys: KeyCache, key_id: str) -> str:
    found = await keys.find(key_id, "ES256")
    return found.reason if isinstance(found, Unusable) else "known" if found else "unknown"


async def settled() -> None:
    """Lets a fetch in the background end."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_keys_are_fetched_when_the_first_one_is_asked_for_and_then_known(
    keys: KeyCache, issuer: ScriptedFetch
) -> None:
    assert issuer.fetches == 0

    assert [await outcome(keys, "old") for _ in range(100)] == ["known"] * 100
    assert issuer.fetches == 1


async def test_all_who_wait_for_the_first_keys_share_a_fetch(keys: KeyCache, issuer: ScriptedFetch) -> None:
    outcomes = await asyncio.gather(*(outcome(keys, key_id) for key_id in ["old", "made up"] * 100))

    assert set(outcomes[::2]) == {"known"}
    assert set(outcomes[1::2]) == {"unknown"}
    assert issuer.fetches == 1


async def test_a_new_key_is_fetched_even_just_after_the_first_fetch(keys: KeyCache, issuer: ScriptedFetch) -> None:
    await outcome(keys, "old")
    issuer.published = [NEW, OLD]

    assert await outcome(keys, "new") == "known"
    assert await outcome(keys, "old") == "known"
    assert issuer.fetches == 2


async def test_unknown_keys_lead_to_one_fetch_a_minute(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    await outcome(keys, "old")
    for minute in range(1, 5):
        outcomes = [await outcome(keys, f"made up {minute} {number}") for number in range(100)]
        assert outcomes == ["unknown", *[LATER] * 99]
        clock.advance(UNKNOWN_KEY_SECONDS - 1)
        assert await outcome(keys, "made up") == LATER
        assert issuer.fetches == 1 + minute
        clock.advance(1)


async def test_a_key_that_the_issuer_does_not_have_stays_unknown_without_another_fetch(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    await outcome(keys, "old")
    for _ in range(5):
        assert await outcome(keys, "made up") == "unknown"
        clock.advance(10)
    assert issuer.fetches == 2

    clock.advance(10)
    issuer.published = [NEW]
    assert await outcome(keys, "new") == "known"
    assert await outcome(keys, "made up") == LATER


async def test_after_a_flood_of_made_up_keys_a_new_key_is_known_within_a_minute(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    await outcome(keys, "old")
    await outcome(keys, "made up")
    issuer.published = [NEW]
    assert await outcome(keys, "new") == LATER

    clock.advance(UNKNOWN_KEY_SECONDS)

    assert await outcome(keys, "new") == "known"


async def test_while_the_issuer_is_down_known_keys_remain_and_unknown_ones_are_unusable(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    await outcome(keys, "old")
    issuer.published = DOWN
    for _ in range(100):
        assert await outcome(keys, "old") == "known"
        assert await outcome(keys, "new") == "down"
        clock.advance(REFRESH_SECONDS)

    issuer.published = [NEW, OLD]
    assert await outcome(keys, "new") == "known"


async def test_a_key_that_the_issuer_withdraws_is_forgotten_while_it_is_in_use(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    await outcome(keys, "old")
    issuer.published = [NEW]
    clock.advance(REFRESH_SECONDS - 1)
    assert await outcome(keys, "old") == "known"
    await settled()
    assert issuer.fetches == 1

    clock.advance(1)
    assert await outcome(keys, "old") == "known"
    await settled()

    assert issuer.fetches == 2
    assert await outcome(keys, "old") == "unknown"


async def test_nobody_waits_for_a_refresh_and_a_failed_one_is_repeated_after_a_minute(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    await outcome(keys, "old")
    issuer.published = DOWN
    issuer.may_answer.clear()
    clock.advance(REFRESH_SECONDS)

    for _ in range(100):
        assert await outcome(keys, "old") == "known"
        await settled()
    assert issuer.fetches == 2
    issuer.may_answer.set()
    await settled()

    clock.advance(UNKNOWN_KEY_SECONDS - 1)
    assert await outcome(keys, "old") == "known"
    await settled()
    assert issuer.fetches == 2
    clock.advance(1)
    assert await outcome(keys, "old") == "known"
    await settled()
    assert issuer.fetches == 3


async def test_a_refresh_does_not_keep_a_new_key_from_being_fetched(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    await outcome(keys, "old")
    clock.advance(REFRESH_SECONDS)
    await outcome(keys, "old")
    await settled()
    issuer.published = [NEW, OLD]

    assert await outcome(keys, "new") == "known"


async def test_without_any_keys_the_issuer_is_asked_every_few_seconds(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    issuer.published = DOWN
    assert [await outcome(keys, "old") for _ in range(100)] == ["down"] * 100
    assert issuer.fetches == 1

    clock.advance(FIRST_FETCH_SECONDS)
    assert await outcome(keys, "old") == "down"
    assert issuer.fetches == 2

    issuer.published = [OLD]
    clock.advance(FIRST_FETCH_SECONDS)
    assert await outcome(keys, "old") == "known"


async def test_callers_stop_waiting_in_time_and_the_fetch_continues(issuer: ScriptedFetch, clock: FrozenClock) -> None:
    keys = KeyCache(issuer, clock, wait_seconds=0.01)
    issuer.may_answer.clear()
    assert await outcome(keys, "old") == "no answer in time"
    assert await outcome(keys, "old") == "no answer in time"

    issuer.may_answer.set()
    await settled()

    assert await outcome(keys, "old") == "known"
    assert issuer.fetches == 1


async def test_a_probe_fetches_the_first_keys_and_then_only_old_ones(
    keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock
) -> None:
    issuer.published = DOWN
    assert await keys.probe() == DOWN
    assert await keys.probe() == DOWN
    assert issuer.fetches == 1

    issuer.published = [OLD]
    clock.advance(FIRST_FETCH_SECONDS)
    assert [await keys.probe() for _ in range(10)] == [None] * 10
    assert issuer.fetches == 2

    issuer.published = DOWN
    clock.advance(REFRESH_SECONDS)
    for _ in range(10):
        assert await keys.probe() is None
        await settled()
    assert issuer.fetches == 3


async def test_an_unexpected_error_is_a_failure_and_is_logged(issuer: ScriptedFetch, clock: FrozenClock) -> None:
    async def fail() -> SigningKeys:
        raise AssertionError("a bug")

    keys = KeyCache(fail, clock, wait_seconds=5)
    with structlog.testing.capture_logs() as lines:
        assert await outcome(keys, "old") == "an unexpected error"

    assert [line["event"] for line in lines] == [
        "fetching the issuer's keys failed unexpectedly",
        "the issuer gave no keys",
    ]
    assert issuer.fetches == 0


async def test_an_outage_and_its_end_are_logged(keys: KeyCache, issuer: ScriptedFetch, clock: FrozenClock) -> None:
    with structlog.testing.capture_logs() as lines:
        await outcome(keys, "old")
        issuer.published = DOWN
        for _ in range(100):
            await outcome(keys, "new")
        issuer.published = [NEW]
        clock.advance(UNKNOWN_KEY_SECONDS)
        await outcome(keys, "new")

    assert lines == [
        {"event": "the issuer gave no keys", "log_level": "warning", "reason": "down", "known_keys": 1},
        {"event": "the issuer gives keys again", "log_level": "info"},
    ]


async def test_closing_ends_a_fetch(keys: KeyCache, issuer: ScriptedFetch) -> None:
    issuer.may_answer.clear()
    waiting = asyncio.create_task(outcome(keys, "old"))
    await settled()

    await keys.close()

    assert await waiting == "no keys were fetched yet"
