"""The auth client over real sockets, against services that misbehave as only sockets can."""

import asyncio
import socket
from time import perf_counter

import pytest

from chatcore.errors import AuthUnavailableError
from chatcore_auth import AuthClient
from tests.integration.auth_server import HEAD, WHOLE, Behaviour, Request, WallClock, answer, serving
from tests.integration.auth_server import reset as reset_connection


async def never_answer(_: Request, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
    # Each byte comes long before any read timeout; the whole would take minutes.
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


async def outcome_of(client: AuthClient, token: str) -> tuple[str, float]:
    """What came of one request, and how many seconds it took."""
    began = perf_counter()
    try:
        user = await client.authenticate(token)
    except AuthUnavailableError:
        return "unavailable", perf_counter() - began
    return user.id, perf_counter() - began


@pytest.mark.parametrize("behave", [never_answer, drip, reset, talk_garbage, send_endless_headers, send_endless_body])
async def test_a_service_that_gives_no_whole_answer_is_an_outage_within_the_timeout(behave: Behaviour) -> None:
    async with serving(behave) as url, AuthClient(url, "key", WallClock(), timeout_seconds=0.5) as client:
        outcome, seconds = await outcome_of(client, "token")

    assert outcome == "unavailable"
    assert seconds < 1


async def test_a_black_hole_costs_two_seconds_by_default_and_then_nobody_waits() -> None:
    async with serving(never_answer) as url, AuthClient(url, "key", WallClock()) as client:
        first = await asyncio.gather(*(outcome_of(client, f"token {number}") for number in range(200)))
        then = [await outcome_of(client, f"later {number}") for number in range(50)]

    assert {outcome for outcome, _ in first + then} == {"unavailable"}
    assert max(seconds for _, seconds in first) < 2.5
    assert max(seconds for _, seconds in then) < 0.5


async def test_a_port_that_nobody_listens_on_is_an_outage_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    async with AuthClient(url, "key", WallClock()) as client:
        outcome, seconds = await outcome_of(client, "token")
        with pytest.raises(AuthUnavailableError):
            await client.ping()

    assert outcome == "unavailable"
    assert seconds < 1


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "https://127.0.0.1:9", "ftp://127.0.0.1", "nonsense"])
async def test_an_address_that_cannot_work_is_an_outage(url: str) -> None:
    async with AuthClient(url, "key", WallClock()) as client:
        outcome, _ = await outcome_of(client, "token")

    assert outcome == "unavailable"


async def test_plain_text_where_tls_is_expected_is_an_outage() -> None:
    async with (
        serving(never_answer) as url,
        AuthClient(url.replace("http:", "https:"), "key", WallClock(), timeout_seconds=1) as client,
    ):
        outcome, _ = await outcome_of(client, "token")

    assert outcome == "unavailable"


async def test_a_slow_service_serves_as_many_as_fit_and_the_rest_are_told_in_time() -> None:
    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        await answer(request, writer)

    async with (
        serving(slowly) as url,
        AuthClient(url, "key", WallClock(), timeout_seconds=1.1, max_concurrent_calls=8) as client,
    ):
        outcomes = await asyncio.gather(*(outcome_of(client, f"token {number}") for number in range(40)))

    served = [seconds for outcome, seconds in outcomes if outcome == "u"]
    assert len(served) == 8
    assert max(seconds for _, seconds in outcomes) < 1.6


async def test_it_lives_through_a_restart_of_the_service() -> None:
    async with AuthClient("http://127.0.0.1:1", "key", WallClock()) as never_there:
        assert (await outcome_of(never_there, "token"))[0] == "unavailable"

    async def once(request: Request, writer: asyncio.StreamWriter) -> None:
        # Closed without a word after the answer: the next question finds a dead connection.
        await answer(request, writer)
        writer.transport.abort()

    async with serving(once) as url, AuthClient(url, "key", WallClock()) as client:
        outcomes = [(await outcome_of(client, f"token {number}"))[0] for number in range(20)]

    assert outcomes == ["u"] * 20


async def test_connections_are_used_again() -> None:
    peers: set[object] = set()

    async def note(request: Request, writer: asyncio.StreamWriter) -> None:
        peers.add(writer.get_extra_info("peername"))
        await answer(request, writer)

    async with serving(note) as url, AuthClient(url, "key", WallClock()) as client:
        for number in range(20):
            await client.authenticate(f"token {number}")

    assert len(peers) == 1


async def test_a_ping_gets_through_while_all_calls_hang() -> None:
    all_hang = asyncio.Barrier(5)

    async def hang_on_validate(request: Request, writer: asyncio.StreamWriter) -> None:
        if all_hang.broken:
            await answer(request, writer)
            return
        await all_hang.wait()
        await never_answer(request, writer)

    async with (
        serving(hang_on_validate) as url,
        AuthClient(url, "key", WallClock(), timeout_seconds=1, max_concurrent_calls=4) as client,
    ):
        hanging = [asyncio.create_task(outcome_of(client, f"token {number}")) for number in range(8)]
        await all_hang.wait()
        await all_hang.abort()
        began = perf_counter()
        await client.ping()
        seconds = perf_counter() - began
        await asyncio.gather(*hanging)

    assert seconds < 0.5
