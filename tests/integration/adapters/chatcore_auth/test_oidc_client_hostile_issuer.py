"""Tests tokens of an OpenID Connect issuer over real sockets: one that serves, and ones that misbehave."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
import pytest
from tests.integration.adapters.chatcore_auth.auth_server import Request, reset, serving
from tests.integration.faults.waiting import eventually
from tests.oidc_tokens import AUDIENCE, claims_at, ec_key, key_set, rsa_key

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.system_clock import SystemClock
from chatcore_auth.oidc_client import OidcClient

#: Seconds after which a test assumes that something never happens; generous, since machines can be slow.
NEVER: Final = 20.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def whole(body: bytes, head: bytes = HEAD) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def answering(response: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return answer


GOOD_KEYS = answering(whole(key_set(ec_key().jwk(), rsa_key().jwk())))


class Issuer:
    """An issuer on loopback whose answers a test sets."""

    def __init__(self) -> None:
        self.url = ""
        self.requested: list[str] = []
        self.keys: Answer = GOOD_KEYS
        self.discovery: Answer | None = None

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requested.append(request.path)
        if request.path == "/keys":
            await self.keys(writer)
        elif self.discovery is not None:
            await self.discovery(writer)
        else:
            document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            await answering(whole(orjson.dumps(document)))(writer)

    def token(self, **claims: object) -> str:
        return ec_key().sign(claims_at(time.time(), **{"iss": self.url, **claims}))


def client_of(issuer: Issuer, *, timeout_seconds: float = NEVER) -> OidcClient:
    return OidcClient(issuer.url, [AUDIENCE], SystemClock(), timeout_seconds=timeout_seconds)


async def outcome(client: OidcClient, token: str) -> str:
    """Returns the id of the token's user, "refused" or "unavailable"; fails if there is no outcome in time."""
    async with asyncio.timeout(NEVER):
        try:
            return (await client.authenticate(token)).id
        except NotAuthenticatedError:
            return "refused"
        except AuthUnavailableError:
            return "unavailable"


async def test_an_issuer_is_asked_once_for_many_users() -> None:
    issuer = Issuer()
    async with serving(issuer) as issuer.url, client_of(issuer) as client:
        users = [await outcome(client, issuer.token(sub=f"user {number}")) for number in range(200)]
        assert await outcome(client, issuer.token(aud="other")) == "refused"

    assert users == [f"user {number}" for number in range(200)]
    assert issuer.requested == ["/.well-known/openid-configuration", "/keys"]


async def never_answer(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    # Each byte arrives well within any read timeout, but the whole reply takes longer than any client waits.
    for byte in whole(key_set(ec_key().jwk()) + b" " * 10_000):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def break_off(writer: asyncio.StreamWriter) -> None:
    writer.write(whole(key_set(ec_key().jwk()))[:-5])
    await writer.drain()
    reset(writer)


async def talk_garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    writer.close()


async def send_endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def send_endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n")
    while True:
        writer.write(b" " * 1000)
        await writer.drain()


INVALID: dict[str, Answer] = {
    "breaks off": break_off,
    "talks garbage": talk_garbage,
    "sends endless headers": send_endless_headers,
    "sends an endless body": send_endless_body,
    "sends HTML": answering(whole(b"<html>")),
    "sends a huge document": answering(whole(b"[" * 1_000_000)),
    "sends an empty document": answering(whole(b"")),
    "fails": answering(whole(b"{}", b"HTTP/1.1 500 Internal Server Error\r\n")),
}


@pytest.mark.parametrize("answer", INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("document", ["discovery", "keys"])
async def test_an_invalid_response_is_an_outage_at_once(document: str, answer: Answer) -> None:
    issuer = Issuer()
    setattr(issuer, document, answer)
    async with serving(issuer) as issuer.url, client_of(issuer) as client:
        assert await outcome(client, issuer.token()) == "unavailable"
        with pytest.raises(AuthUnavailableError):
            await client.ping()


@pytest.mark.parametrize("document", ["discovery", "keys"])
async def test_a_redirect_is_not_followed(document: str) -> None:
    other, issuer = Issuer(), Issuer()
    async with serving(other) as other.url, serving(issuer) as issuer.url, client_of(issuer) as client:
        location = f"Location: {other.url}/keys\r\n".encode()
        setattr(issuer, document, answering(whole(b"", b"HTTP/1.1 302 Found\r\n" + location)))

        assert await outcome(client, issuer.token()) == "unavailable"

    assert other.requested == []


@pytest.mark.parametrize("answer", [never_answer, drip])
async def test_a_slow_issuer_delays_only_the_callers_with_unknown_keys(answer: Answer) -> None:
    issuer = Issuer()
    async with serving(issuer) as issuer.url, client_of(issuer, timeout_seconds=0.5) as client:
        await eventually(lambda: _is_known(client, issuer), within=NEVER, what="the first keys")
        issuer.keys = answer
        flood = [ec_key("made up").sign({}, kid=f"made up {number}") for number in range(300)]
        refusals = asyncio.gather(*(outcome(client, token) for token in flood))

        assert [await outcome(client, issuer.token(sub=str(number))) for number in range(20)] == [
            str(number) for number in range(20)
        ]
        assert set(await refusals) == {"unavailable"}

    assert issuer.requested.count("/keys") == 2


async def _is_known(client: OidcClient, issuer: Issuer) -> bool:
    return await outcome(client, issuer.token()) == "ann"


async def test_a_closed_port_is_an_outage_at_once() -> None:
    issuer = Issuer()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        issuer.url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    async with client_of(issuer) as client:
        assert await outcome(client, issuer.token()) == "unavailable"


async def test_closing_ends_a_fetch_in_progress() -> None:
    issuer = Issuer()
    issuer.keys = never_answer
    async with serving(issuer) as issuer.url:
        client = client_of(issuer)
        await client.open()
        waiting = asyncio.create_task(outcome(client, issuer.token()))
        await eventually(lambda: "/keys" in issuer.requested, within=NEVER, what="the fetch")

        async with asyncio.timeout(NEVER):
            await client.close()
            assert await waiting == "unavailable"
