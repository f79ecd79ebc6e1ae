"""Tests that neither a token nor our key is in anything that may be logged."""

import logging
import traceback
from collections.abc import Callable

import httpx
import pytest
import structlog
from tests.unit.adapters.chatcore_auth.scripted_auth_service import (
    HandSetClock,
    ScriptedAuthService,
    rejecting,
    vouching_for,
)

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore_auth import AuthClient

TOKEN, KEY = "canary-token", "canary-key"


def broken(_: str) -> httpx.Response:
    raise httpx.ReadError("reset")


ANSWERS: dict[str, Callable[[str], httpx.Response]] = {
    "vouches": lambda _: vouching_for("u"),
    "rejects": lambda _: rejecting(),
    "refuses our key": lambda _: httpx.Response(403, text=KEY),
    "fails": lambda token: httpx.Response(500, text=token),
    "echoes": lambda token: httpx.Response(200, text=token),
    "echoes in a field": lambda token: httpx.Response(200, json={"valid": token}),
    "redirects": lambda token: httpx.Response(302, headers={"Location": f"http://elsewhere/?token={token}"}),
    "breaks off": broken,
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_no_log_line_error_or_repr_contains_the_token_or_the_key(
    answer: Callable[[str], httpx.Response], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service = ScriptedAuthService(answer=answer)
    client = AuthClient("http://auth", KEY, HandSetClock(), transport=service.transport)
    seen: list[object] = [client]

    with structlog.testing.capture_logs() as lines:
        async with client:
            for _ in range(7):
                try:
                    seen.append(await client.authenticate(TOKEN))
                except (NotAuthenticatedError, AuthUnavailableError) as error:
                    seen.extend(traceback.format_exception(error))
            seen.extend(vars(client).values())
            seen.extend(vars(client._cache).values())

    everything = f"{lines} {caplog.text} {seen!r}"
    assert "canary" not in everything


async def test_the_refusal_of_our_own_key_is_logged_as_an_error() -> None:
    service = ScriptedAuthService(answer=lambda _: httpx.Response(403))

    with structlog.testing.capture_logs() as lines:
        async with AuthClient("http://auth", KEY, HandSetClock(), transport=service.transport) as client:
            with pytest.raises(AuthUnavailableError):
                await client.authenticate(TOKEN, trace_id="trace-1")

    assert lines == [
        {
            "event": "the auth service gave no usable answer",
            "log_level": "error",
            "reason": "our internal key was refused",
            "trace_id": "trace-1",
        }
    ]


async def test_an_outage_is_logged_per_call_and_once_when_the_breaker_opens() -> None:
    service = ScriptedAuthService(answer=lambda _: httpx.Response(500))

    with structlog.testing.capture_logs() as lines:
        async with AuthClient("http://auth", KEY, HandSetClock(), transport=service.transport) as client:
            for number in range(50):
                with pytest.raises(AuthUnavailableError):
                    await client.authenticate(f"token {number}")

    assert [line["log_level"] for line in lines] == ["warning"] * 6
