"""Tests the auth client against services that misbehave in ways that need real sockets."""

import asyncio
import socket
from itertools import count
from typing import Final

import pytest
from tests.integration.adapters.chatcore_auth.auth_server import (
    HEAD,
    WHOLE,
    Behaviour,
    Request,
    answer,
    serving,
)
from tests.integration.adapters.chatcore_auth.auth_server import reset as reset_connection
from tests.integration.faults.waiting import eventually

from chatcore.errors import AuthUnavailableError
from chatcore.system_clock import SystemClock
from chatcore_auth import AuthClient
from chatcore_memory import FrozenClock

#: Seconds after which a test assumes that something never happens; generous, since machines can be slow.
NEVER: Final = 10.0


async def never_answer(_: Request, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
    # Each byte arrives well within any read timeout, but the whole reply takes longer than any client waits.
    for byte in WHOLE:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(WHOLE[:-5])
    await writer.drain()
    reset_connection(writer)


async def talk_garbage(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    writer.close()


async def send_endless_headers(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def send_endless_body(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n")
    while True:
        writer.write(b" " * 1000)
        await writer.drain()


async def outcome_of(client: AuthClient, token: str) -> str:
    """Returns the id of the token's user, or "unavailable"; fails if there is no outcome in time."""
    async with asyncio.timeout(NEVER):
        try:
            return (await client.authenticate(token)).id
        except AuthUnavailableError:
            return "unavailable"


@pytest.mark.parametrize("behave", [never_answer, drip])
async def test_a_service_that_never_finishes_is_an_outage_after_the_timeout(behave: Behaviour) -> None:
    async with serving(behave) as url, AuthClient(url, "key", SystemClock(), timeout_seconds=0.5) as client:
        assert await outcome_of(client, "token") == "unavailable"


@pytest.mark.parametrize("behave", [reset, talk_garbage, send_endless_headers, send_endless_body])
async def test_an_invalid_response_is_an_outage_at_once(behave: Behaviour) -> None:
    async with serving(behave) as url, AuthClient(url, "key", SystemClock(), timeout_seconds=NEVER * 6) as client:
        assert await outcome_of(client, "token") == "unavailable"


async def test_a_black_hole_delays_only_the_callers_who_find_it() -> None:
    asked: list[bytes] = []

    async def note_and_hang(request: Request, writer: asyncio.StreamWriter) -> None:
        asked.append(request.body)
        await never_answer(request, writer)

    # The clock stands still, so no probe is due, however slow the machine is.
    async with serving(note_and_hang) as url, AuthClient(url, "key", FrozenClock()) as client:
        first = await asyncio.gather(*(outcome_of(client, f"first {number}") for number in range(200)))
        then = [await outcome_of(client, f"later {number}") for number in range(5)]

    assert {*first, *then} == {"unavailable"}
    assert asked
    assert not [body for body in asked if b"later" in body]


async def test_after_a_black_hole_everyone_is_let_in() -> None:
    async def hang_on_some(request: Request, writer: asyncio.StreamWriter) -> None:
        await (never_answer if b"hang" in request.body else answer)(request, writer)

    async def call_again_and_again(caller: int) -> None:
        for number in range(30):
            assert await outcome_of(client, f"hang {caller} {number}") == "unavailable"
            await asyncio.sleep(0.01)

    async def lets_in() -> bool:
        return await outcome_of(client, "later") != "unavailable"

    async with (
        serving(hang_on_some) as url,
        AuthClient(url, "key", SystemClock(), timeout_seconds=0.1, max_concurrent_calls=4) as client,
    ):
        await asyncio.gather(*map(call_again_and_again, range(100)))
        await eventually(lets_in, within=NEVER, what="an answer to a caller with a good token")


async def test_a_closed_port_is_an_outage_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    async with AuthClient(url, "key", SystemClock(), timeout_seconds=NEVER * 6) as client, asyncio.timeout(NEVER):
        assert await outcome_of(client, "token") == "unavailable"
        with pytest.raises(AuthUnavailableError):
            await client.ping()


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "https://127.0.0.1:9", "ftp://127.0.0.1", "nonsense"])
async def test_an_invalid_address_is_an_outage(url: str) -> None:
    async with AuthClient(url, "key", SystemClock()) as client:
        assert await outcome_of(client, "token") == "unavailable"


async def test_plain_text_where_tls_is_expected_is_an_outage() -> None:
    async with (
        serving(never_answer) as url,
        AuthClient(url.replace("http:", "https:"), "key", SystemClock(), timeout_seconds=1) as client,
    ):
        assert await outcome_of(client, "token") == "unavailable"


async def test_a_slow_service_serves_some_callers_and_the_rest_time_out() -> None:
    fit, asked = asyncio.Barrier(8), count()

    async def answer_the_first_eight(request: Request, writer: asyncio.StreamWriter) -> None:
        if next(asked) >= 8:
            await never_answer(request, writer)
        await fit.wait()
        await answer(request, writer)

    async with (
        serving(answer_the_first_eight) as url,
        AuthClient(url, "key", SystemClock(), max_concurrent_calls=8) as client,
    ):
        outcomes = await asyncio.gather(*(outcome_of(client, f"token {number}") for number in range(40)))

    assert sorted(outcomes) == ["u"] * 8 + ["unavailable"] * 32


async def test_it_survives_a_restart_of_the_service() -> None:
    async with AuthClient("http://127.0.0.1:1", "key", SystemClock()) as never_there:
        assert await outcome_of(never_there, "token") == "unavailable"

    async def once(request: Request, writer: asyncio.StreamWriter) -> None:
        # The connection is closed without notice after the answer, so the next request finds it dead.
        await answer(request, writer)
        writer.transport.abort()

    async with serving(once) as url, AuthClient(url, "key", SystemClock()) as client:
        outcomes = [await outcome_of(client, f"token {number}") for number in range(20)]

    assert outcomes == ["u"] * 20


async def test_connections_are_reused() -> None:
    peers: set[object] = set()

    async def note(request: Request, writer: asyncio.StreamWriter) -> None:
        peers.add(writer.get_extra_info("peername"))
        await answer(request, writer)

    async with serving(note) as url, AuthClient(url, "key", SystemClock()) as client:
        for number in range(20):
            await client.authenticate(f"token {number}")

    assert len(peers) == 1


async def test_a_ping_succeeds_while_all_calls_hang() -> None:
    all_hang = asyncio.Barrier(5)

    async def hang_on_tokens(request: Request, writer: asyncio.StreamWriter) -> None:
        if b"probe" not in request.body:
            await all_hang.wait()
            await never_answer(request, writer)
        await answer(request, writer)

    async with serving(hang_on_tokens) as url:
        async with AuthClient(url, "key", SystemClock(), timeout_seconds=NEVER * 6, max_concurrent_calls=4) as client:
            hanging = [asyncio.create_task(outcome_of(client, f"token {number}")) for number in range(8)]
            async with asyncio.timeout(NEVER):
                await all_hang.wait()
                await client.ping()

            assert not any(call.done() for call in hanging)
        assert await asyncio.gather(*hanging) == ["unavailable"] * 8
