"""Tests that results are cached for as long as they may be, and no longer."""

from datetime import timedelta

import pytest
from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock

from chatcore.user import User
from chatcore_auth.cache import REJECTED_MAX_SIZE, TokenCheckCache
from chatcore_auth.token_check import Rejected, Vouched


def cache_by(clock: HandSetClock, *, ttl_seconds: float = 300.0, max_size: int = 1024) -> TokenCheckCache:
    return TokenCheckCache(clock, ttl_seconds=ttl_seconds, max_size=max_size)


def vouched(clock: HandSetClock, user_id: str = "u", *, seconds_left: float | None = None) -> Vouched:
    expires_at = None if seconds_left is None else clock.now() + timedelta(seconds=seconds_left)
    return Vouched(User(id=user_id, expires_at=expires_at))


@pytest.mark.parametrize(
    ("ttl_seconds", "seconds_left", "cached_seconds"),
    [(300.0, None, 300.0), (300.0, 10.0, 10.0), (300.0, 3600.0, 300.0), (60.0, 3600.0, 60.0), (86400.0, None, 300.0)],
)
def test_a_user_is_cached_until_ttl_or_expiry_but_at_most_300_seconds(
    ttl_seconds: float, seconds_left: float | None, cached_seconds: float
) -> None:
    clock = HandSetClock()
    cache = cache_by(clock, ttl_seconds=ttl_seconds)
    check = vouched(clock, seconds_left=seconds_left)
    cache.put(b"key", check)

    clock.advance(cached_seconds - 0.001)
    assert cache.get(b"key") == check
    clock.advance(0.002)

    assert cache.get(b"key") is None


def test_a_cache_hit_does_not_extend_the_ttl() -> None:
    clock = HandSetClock()
    cache = cache_by(clock)
    cache.put(b"key", vouched(clock))

    for _ in range(2):
        clock.advance(149)
        assert cache.get(b"key") is not None
    clock.advance(3)

    assert cache.get(b"key") is None


def test_an_expired_token_is_not_served_from_the_cache_if_only_the_wall_clock_moved() -> None:
    clock = HandSetClock()
    cache = cache_by(clock)
    cache.put(b"key", vouched(clock, seconds_left=100))

    clock.instant += timedelta(seconds=100)

    assert cache.get(b"key") is None


def test_a_user_whose_token_has_expired_is_not_cached() -> None:
    clock = HandSetClock()
    cache = cache_by(clock)

    cache.put(b"key", vouched(clock))
    cache.put(b"key", vouched(clock, seconds_left=0))

    assert cache.get(b"key") is None


@pytest.mark.parametrize(("ttl_seconds", "max_size"), [(0.0, 1024), (300.0, 0)])
def test_a_ttl_or_size_of_zero_disables_caching(ttl_seconds: float, max_size: int) -> None:
    clock = HandSetClock()
    cache = cache_by(clock, ttl_seconds=ttl_seconds, max_size=max_size)

    cache.put(b"key", vouched(clock))

    assert cache.get(b"key") is None


def test_a_rejection_is_cached_for_ten_seconds() -> None:
    clock = HandSetClock()
    cache = cache_by(clock)
    cache.put(b"key", Rejected())

    clock.advance(9.999)
    assert cache.get(b"key") == Rejected()
    clock.advance(0.002)

    assert cache.get(b"key") is None


def test_a_newer_result_replaces_an_older_one() -> None:
    clock = HandSetClock()
    cache = cache_by(clock)

    cache.put(b"key", Rejected())
    cache.put(b"key", vouched(clock))
    assert cache.get(b"key") == vouched(clock)
    cache.put(b"key", Rejected())

    assert cache.get(b"key") == Rejected()


def test_a_full_cache_evicts_the_least_recently_used_user() -> None:
    clock = HandSetClock()
    cache = cache_by(clock, max_size=2)
    cache.put(b"a", vouched(clock, "a"))
    cache.put(b"b", vouched(clock, "b"))
    cache.get(b"a")

    cache.put(b"c", vouched(clock, "c"))

    assert [cache.get(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]


def test_a_flood_of_rejections_evicts_no_user() -> None:
    clock = HandSetClock()
    cache = cache_by(clock)
    cache.put(b"good", vouched(clock))

    for number in range(10_000):
        cache.put(b"bad %d" % number, Rejected())

    assert cache.get(b"good") == vouched(clock)
    assert sum(cache.get(b"bad %d" % number) is not None for number in range(10_000)) == REJECTED_MAX_SIZE
