"""Tests what is sent to the auth service over HTTP, and how its responses are handled."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx
from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock
from tests.unit.virtual_time import in_virtual_time

from chatcore.errors import AuthKeyRefusedError, AuthUnavailableError, NotAuthenticatedError
from chatcore_auth import AuthClient

VALIDATE = "http://auth:8001/auth/validate"
VOUCHES = {"valid": True, "user": {"id": "u"}, "claims": {}}


@pytest.fixture
def router() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def client(router: respx.MockRouter) -> AsyncIterator[AuthClient]:
    del router  # Requested only so that it is set up first.
    async with AuthClient("http://auth:8001/", "internal-key", HandSetClock()) as opened:
        yield opened


async def test_it_posts_the_token_with_our_key_and_the_trace_id(client: AuthClient, router: respx.MockRouter) -> None:
    route = router.post(VALIDATE).respond(json=VOUCHES)

    await client.authenticate("a.b.c", trace_id="trace-1")

    request = route.calls.last.request
    assert request.content == b'{"token":"a.b.c"}'
    assert request.headers["x-internal-api-key"] == "internal-key"
    assert request.headers["x-trace-id"] == "trace-1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("trace_id", [None, "", "a b", "a\r\nX-Admin: 1", "ä", "x" * 129])
async def test_a_trace_id_that_is_not_a_header_value_is_left_out(
    client: AuthClient, router: respx.MockRouter, trace_id: str | None
) -> None:
    route = router.post(VALIDATE).respond(json=VOUCHES)

    await client.authenticate("token", trace_id=trace_id)

    assert "x-trace-id" not in route.calls.last.request.headers


async def test_proxies_in_the_environment_are_ignored(
    router: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:1")
    monkeypatch.setenv("ALL_PROXY", "http://proxy:1")
    route = router.post(VALIDATE).respond(json=VOUCHES)

    async with AuthClient("http://auth:8001", "key", HandSetClock()) as client:
        await client.authenticate("token")

    assert route.called


async def test_cookies_of_one_response_are_not_sent_with_the_next_request(
    client: AuthClient, router: respx.MockRouter
) -> None:
    route = router.post(VALIDATE).respond(json=VOUCHES, headers={"Set-Cookie": "session=ann; Path=/"})

    await client.authenticate("ann's")
    await client.authenticate("bob's")

    assert "cookie" not in route.calls.last.request.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(client: AuthClient, router: respx.MockRouter, status: int) -> None:
    router.post(VALIDATE).respond(status, headers={"Location": "http://169.254.169.254/auth/validate"})
    elsewhere = router.route(host="169.254.169.254").respond(json=VOUCHES)

    with pytest.raises(AuthUnavailableError):
        await client.authenticate("token")

    assert not elsewhere.called


@pytest.mark.parametrize("status", [204, 400, 403, 404, 409, 422, 429, 500, 502, 503])
async def test_any_status_but_200_and_401_is_unusable_and_not_cached(
    client: AuthClient, router: respx.MockRouter, status: int
) -> None:
    route = router.post(VALIDATE).respond(status)

    for _ in range(2):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate("token")

    assert route.call_count == 2


async def test_401_rejects_the_token(client: AuthClient, router: respx.MockRouter) -> None:
    router.post(VALIDATE).respond(401, json={"valid": False, "reason": "expired"})

    with pytest.raises(NotAuthenticatedError):
        await client.authenticate("token")


@pytest.mark.parametrize(
    ("headers", "content"),
    [({"Content-Encoding": "gzip"}, gzip.compress(b"{}")), ({}, b" " * 100_000)],
    ids=["compressed", "too long"],
)
async def test_401_rejects_the_token_however_odd_the_body(
    client: AuthClient, router: respx.MockRouter, headers: dict[str, str], content: bytes
) -> None:
    router.post(VALIDATE).respond(401, headers=headers, content=content)

    with pytest.raises(NotAuthenticatedError):
        await client.authenticate("token")


class Endless(httpx.AsyncByteStream):
    """Streams a body without an end; counts the bytes that were read."""

    def __init__(self) -> None:
        self.bytes_read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.bytes_read += 1024
            yield b" " * 1024


async def test_an_endless_body_is_read_up_to_64_kib(client: AuthClient, router: respx.MockRouter) -> None:
    body = Endless()
    router.post(VALIDATE).respond(stream=body)

    with pytest.raises(AuthUnavailableError):
        await client.authenticate("token")

    assert body.bytes_read <= 66 * 1024


async def test_a_body_of_64_kib_is_accepted(client: AuthClient, router: respx.MockRouter) -> None:
    reply = b'{"valid":true,"user":{"id":"u"}}'
    router.post(VALIDATE).respond(content=reply + b" " * (64 * 1024 - len(reply)))

    assert (await client.authenticate("token")).id == "u"


async def test_a_compressed_body_is_not_inflated(client: AuthClient, router: respx.MockRouter) -> None:
    # Inflated, it would be a valid reply.
    compressed = gzip.compress(b'{"valid":true,"user":{"id":"u"}}')
    router.post(VALIDATE).respond(content=compressed, headers={"Content-Encoding": "gzip"})

    with pytest.raises(AuthUnavailableError):
        await client.authenticate("token")


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.PoolTimeout("full"),
        httpx.RemoteProtocolError("garbage"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.UnsupportedProtocol("ftp"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_connection_error_makes_auth_unavailable(
    client: AuthClient, router: respx.MockRouter, error: httpx.HTTPError
) -> None:
    router.post(VALIDATE).mock(side_effect=error)

    with pytest.raises(AuthUnavailableError) as caught:
        await client.authenticate("token")

    assert caught.value.__cause__ is error


async def test_a_broken_connection_is_retried_once(client: AuthClient, router: respx.MockRouter) -> None:
    replies: list[httpx.Response | Exception] = [
        httpx.RemoteProtocolError("Server disconnected"),
        httpx.Response(200, json=VOUCHES),
    ]
    route = router.post(VALIDATE).mock(side_effect=replies)

    assert (await client.authenticate("token")).id == "u"
    assert route.call_count == 2


@pytest.mark.parametrize("status", [400, 401, 422])
async def test_ping_succeeds_if_the_service_takes_our_key_and_not_the_text_that_is_no_token(
    client: AuthClient, router: respx.MockRouter, status: int
) -> None:
    route = router.post(VALIDATE).respond(status)

    await client.ping()

    assert route.calls.last.request.headers["x-internal-api-key"] == "internal-key"


@pytest.mark.parametrize("status", [204, 301, 404, 405, 429, 500, 501, 502, 503, 504])
async def test_ping_raises_on_every_other_status(client: AuthClient, router: respx.MockRouter, status: int) -> None:
    router.post(VALIDATE).respond(status)

    with pytest.raises(AuthUnavailableError):
        await client.ping()


async def test_ping_says_that_our_key_is_refused(client: AuthClient, router: respx.MockRouter) -> None:
    router.post(VALIDATE).respond(403)

    with pytest.raises(AuthKeyRefusedError):
        await client.ping()


async def test_ping_takes_whichever_of_our_keys_the_service_takes(router: respx.MockRouter) -> None:
    router.post(VALIDATE, headers={"X-Internal-API-Key": "old"}).respond(403)
    router.post(VALIDATE, headers={"X-Internal-API-Key": "new"}).respond(401)
    async with AuthClient("http://auth:8001", "old,new", HandSetClock()) as client:
        await client.ping()


async def test_ping_raises_if_the_connection_fails(client: AuthClient, router: respx.MockRouter) -> None:
    router.post(VALIDATE).mock(side_effect=httpx.ConnectError("refused"))

    with pytest.raises(AuthUnavailableError):
        await client.ping()


@in_virtual_time
async def test_ping_raises_in_time_if_there_is_no_response(router: respx.MockRouter) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    router.post(VALIDATE).mock(side_effect=never)
    async with AuthClient("http://auth:8001", "key", HandSetClock(), timeout_seconds=5) as client:
        with pytest.raises(AuthUnavailableError):
            await client.ping()
