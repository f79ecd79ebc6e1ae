"""Tests the contract of the auth port."""

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from chatcore.errors import AuthKeyRefusedError, AuthUnavailableError, NotAuthenticatedError
from chatcore.ports.auth import Auth
from chatcore.testing.auth.script import AuthFault, AuthScript, SettableClock
from chatcore.user import User

#: The longest time for which an answer may be cached.
_MAX_TTL_SECONDS = 300

_ALICE = User(id="alice")

_ODD_TOKENS = {
    "empty": "",
    "blank": " ",
    "two lines": "token\r\nx-admin: true",
    "U+0000": "token\x00",
    "not ASCII": "tökén 👩‍🚀",
    "a lone surrogate": "token\ud800",
    "quotes": "\"'\\",
    "64 KiB": "t" * 65536,
}


@pytest.mark.asyncio
class AuthContract:
    """Tests the promises of every auth adapter.

    A subclass provides three fixtures: `auth`, the adapter; `auth_service`, the :class:`~chatcore.testing.AuthScript`
    of the service behind it, which accepts no token yet; and `clock`, the :class:`~chatcore.testing.SettableClock`
    that the adapter reads.
    """

    @pytest.mark.parametrize("is_admin", [False, True])
    async def test_an_accepted_token_gives_its_user(self, auth: Auth, auth_service: AuthScript, is_admin: bool) -> None:  # noqa: FBT001 - pytest passes arguments by name
        user = User(id="Zoë/👩‍🚀 %41", is_admin=is_admin)
        auth_service.accept("token", user)

        assert await auth.authenticate("token") == user

    async def test_the_longest_user_id_is_accepted(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.accept("token", User(id="ü" * 255))

        assert (await auth.authenticate("token")).id == "ü" * 255

    async def test_the_user_has_the_tokens_expiry(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        user = _expiring(clock, 60)
        auth_service.accept("token", user)

        assert await auth.authenticate("token") == user

    async def test_each_token_gives_its_own_user(self, auth: Auth, auth_service: AuthScript) -> None:
        common = "t" * 1000
        users = {
            token: User(id=f"user of {token[-9:]}") for token in (common, f"{common}a", f"{common}b", "A", "a", "a ")
        }
        for token, user in users.items():
            auth_service.accept(token, user)

        for _ in range(2):
            assert {token: await auth.authenticate(token) for token in users} == users

    async def test_a_token_that_is_not_accepted_is_refused(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.accept("token", _ALICE)

        for token in ("tokem", "toke", "token1", "TOKEN", " token"):
            with pytest.raises(NotAuthenticatedError):
                await auth.authenticate(token)

    @pytest.mark.usefixtures("auth_service")
    @pytest.mark.parametrize("token", _ODD_TOKENS.values(), ids=_ODD_TOKENS)
    async def test_any_text_may_be_given_as_a_token(self, auth: Auth, token: str) -> None:
        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate(token)

    async def test_a_rejected_token_is_refused(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.accept("token", _ALICE)
        auth_service.reject("token")

        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("token")

    async def test_a_token_that_has_just_expired_is_accepted_while_the_service_accepts_it(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        user = _expiring(clock, -20)
        auth_service.accept("token", user)

        assert await auth.authenticate("token") == user
        auth_service.reject("token")

        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("token")

    async def test_a_token_that_expired_a_minute_ago_is_refused_whatever_the_service_says(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        auth_service.accept("token", _expiring(clock, -61))

        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("token")

    async def test_no_answer_is_cached_past_the_tokens_expiry(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        auth_service.accept("token", _expiring(clock, 10))
        await auth.authenticate("token")

        clock.advance(9)
        await auth.authenticate("token")
        auth_service.reject("token")
        clock.advance(2)

        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("token")

    async def test_a_rejection_takes_effect_within_300_seconds(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        auth_service.accept("token", _ALICE)
        await auth.authenticate("token")
        auth_service.reject("token")

        clock.advance(_MAX_TTL_SECONDS + 1)

        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("token")

    async def test_using_a_token_does_not_extend_its_time_in_the_cache(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        auth_service.accept("token", _ALICE)
        await auth.authenticate("token")
        clock.advance(_MAX_TTL_SECONDS - 1)
        await auth.authenticate("token")
        auth_service.reject("token")

        clock.advance(2)

        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("token")

    async def test_a_changed_answer_takes_effect_within_300_seconds(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("new")
        auth_service.accept("old", _ALICE)
        await auth.authenticate("old")
        auth_service.accept("new", _ALICE)
        auth_service.accept("old", evolve(_ALICE, is_admin=True))

        clock.advance(_MAX_TTL_SECONDS + 1)

        assert await auth.authenticate("new") == _ALICE
        assert await auth.authenticate("old") == evolve(_ALICE, is_admin=True)

    async def test_a_cached_user_is_the_one_whom_the_service_vouched_for(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        auth_service.accept("token", _ALICE)
        assert auth.cached_user("token") is None
        await auth.authenticate("token")
        assert auth.cached_user("token") in (_ALICE, None)
        auth_service.reject("token")

        clock.advance(_MAX_TTL_SECONDS + 1)

        assert auth.cached_user("token") is None

    @pytest.mark.usefixtures("auth_service")
    @pytest.mark.parametrize("token", _ODD_TOKENS.values(), ids=_ODD_TOKENS)
    async def test_no_user_is_cached_for_a_token_that_was_not_accepted(self, auth: Auth, token: str) -> None:
        assert auth.cached_user(token) is None
        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate(token)
        assert auth.cached_user(token) is None

    async def test_a_fresh_answer_tells_what_has_changed(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.accept("demoted", evolve(_ALICE, is_admin=True))
        auth_service.accept("revoked", _ALICE)
        await auth.authenticate("demoted")
        await auth.authenticate("revoked")
        auth_service.accept("demoted", _ALICE)
        auth_service.reject("revoked")

        assert await auth.authenticate("demoted", is_fresh=True) == _ALICE
        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("revoked", is_fresh=True)

    @pytest.mark.parametrize("fault", AuthFault)
    async def test_without_a_fresh_answer_a_call_that_needs_one_is_refused(
        self, auth: Auth, auth_service: AuthScript, fault: AuthFault
    ) -> None:
        auth_service.accept("token", _ALICE)
        await auth.authenticate("token")
        auth_service.fail(fault)

        with pytest.raises(AuthUnavailableError):
            await auth.authenticate("token", is_fresh=True)

    @pytest.mark.parametrize("fault", AuthFault)
    async def test_without_a_usable_answer_nobody_is_let_in(
        self, auth: Auth, auth_service: AuthScript, fault: AuthFault
    ) -> None:
        auth_service.accept("token", _ALICE)
        auth_service.fail(fault)

        with pytest.raises(AuthUnavailableError):
            await auth.authenticate("token")

    @pytest.mark.parametrize("fault", AuthFault)
    async def test_an_outage_is_not_cached(self, auth: Auth, auth_service: AuthScript, fault: AuthFault) -> None:
        auth_service.accept("token", _ALICE)
        auth_service.fail(fault)
        with pytest.raises(AuthUnavailableError):
            await auth.authenticate("token")

        auth_service.recover()

        assert await auth.authenticate("token") == _ALICE

    async def test_an_outage_does_not_extend_the_time_in_the_cache(
        self, auth: Auth, auth_service: AuthScript, clock: SettableClock
    ) -> None:
        auth_service.accept("token", _ALICE)
        await auth.authenticate("token")
        auth_service.fail(AuthFault.ERROR)

        clock.advance(_MAX_TTL_SECONDS + 1)

        with pytest.raises(AuthUnavailableError):
            await auth.authenticate("token")

    async def test_many_callers_may_authenticate_at_once(self, auth: Auth, auth_service: AuthScript) -> None:
        users = {f"token {number}": User(id=f"user {number}") for number in range(5)}
        for token, user in users.items():
            auth_service.accept(token, user)

        answers = await asyncio.gather(*(auth.authenticate(token) for token in list(users) * 10))

        assert answers == list(users.values()) * 10

    async def test_cancelling_one_caller_does_not_affect_the_others(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.accept("token", _ALICE)
        first = asyncio.create_task(auth.authenticate("token"))
        others = [asyncio.create_task(auth.authenticate("token")) for _ in range(3)]
        await asyncio.sleep(0)

        first.cancel()

        assert await asyncio.gather(*others) == [_ALICE] * 3

    async def test_the_trace_id_is_passed_on(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.accept("one", _ALICE)
        auth_service.accept("two", _ALICE)

        await auth.authenticate("one", trace_id="trace-1")
        await auth.authenticate("two")

        assert list(auth_service.trace_ids) == ["trace-1", None]

    @pytest.mark.usefixtures("auth_service")
    async def test_ping_returns_when_the_service_can_be_reached(self, auth: Auth) -> None:
        await auth.ping()

    async def test_ping_raises_when_the_service_cannot_be_reached(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.fail(AuthFault.UNREACHABLE)

        with pytest.raises(AuthUnavailableError):
            await auth.ping()

    async def test_ping_says_that_the_service_refuses_our_key(self, auth: Auth, auth_service: AuthScript) -> None:
        auth_service.fail(AuthFault.KEY_REFUSED)

        with pytest.raises(AuthKeyRefusedError):
            await auth.ping()


def _expiring(clock: SettableClock, seconds: float) -> User:
    """Returns a user whose token expires `seconds` from now, in whole seconds (rounded down) as in a token."""
    expires_at = clock.now().replace(microsecond=0) + timedelta(seconds=seconds)
    return evolve(_ALICE, expires_at=expires_at)
