"""Tests the requests and answers of the inference client over a mocked transport."""

from collections.abc import Awaitable

import httpx
import pytest
import respx
import structlog

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceKeyRefusedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
    ModelsRefusedError,
    UnavailableError,
)
from chatcore.ports import Frame, InferenceRequest, ModelsDocument
from chatcore.replies.sampling import Sampling
from chatcore_inference import InferenceClient, InferenceLimits, InferenceTimeouts, SamosachaatProtocol

BASE = "http://inference.test:8000"
REQUEST = InferenceRequest(messages=(HistoryMessage(Role.USER, "Hi"),), sampling=Sampling(), user_id="user-1")
STREAM = {"content-type": "text/event-stream"}
BODY = b'data: {"token":"a"}\n\ndata: {"done":true}\n\ndata: late\n\n'


@pytest.fixture
def router() -> respx.Router:
    return respx.Router(base_url=BASE)


@pytest.fixture
def client(router: respx.Router) -> InferenceClient:
    return client_of(router)


def client_of(router: respx.Router, base_url: str = BASE) -> InferenceClient:
    transport = httpx.MockTransport(router.async_handler)
    return InferenceClient(base_url, "secret-key", transport=transport, limits=InferenceLimits(max_answer_bytes=100))


@pytest.mark.parametrize(
    ("base_url", "path", "requested"),
    [
        (BASE, "/", "/"),
        (BASE, "/v2/generate", "/v2/generate"),
        (f"{BASE}/models", "/", "/models/"),
        (f"{BASE}/models", "/generate", "/models/generate"),
    ],
)
async def test_a_reply_is_requested_at_the_given_path(
    router: respx.Router, base_url: str, path: str, requested: str
) -> None:
    route = router.post(requested).respond(200, content=BODY, headers=STREAM)
    transport = httpx.MockTransport(router.async_handler)

    async with InferenceClient(base_url, None, protocol=SamosachaatProtocol(path), transport=transport) as client:
        await client.generate(REQUEST, lambda _: None)

    assert route.call_count == 1


async def refusal_of(asking: Awaitable[ModelsDocument]) -> ModelsRefusedError:
    with pytest.raises(ModelsRefusedError) as refused:
        await asking
    return refused.value


async def test_models_come_as_they_are(router: respx.Router, client: InferenceClient) -> None:
    route = router.get("/models").respond(203, content=b"\xff{", headers={"content-type": "text/weird; charset=x"})

    async with client:
        document = await client.list_models(trace_id="trace-1")

    assert document == ModelsDocument(content=b"\xff{", media_type="text/weird; charset=x", status=203)
    request = route.calls.last.request
    assert request.headers["x-internal-api-key"] == "secret-key"
    assert request.headers["x-trace-id"] == "trace-1"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [302, 400, 404, 418, 503, 599])
async def test_models_may_be_refused(router: respx.Router, client: InferenceClient, status: int) -> None:
    router.get("/models").respond(status, content=b"\xff{", headers={"content-type": "text/weird; charset=x"})

    async with client:
        refusal = await refusal_of(client.list_models())

    assert (refusal.content, refusal.media_type) == (b"\xff{", "text/weird; charset=x")
    assert refusal.status == status


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("1", 1), ("86400", 86400), (" 7 ", 7)]
    + [
        (insane, UnavailableError.retry_after_seconds)
        for insane in ("0", "-1", "86401", "9" * 5000, "1.5", "7, 8", "x", "", "\u0667")
    ]
    + [("Fri, 31 Dec 2999 23:59:59 GMT", UnavailableError.retry_after_seconds)],
)
async def test_when_to_come_back_is_told_where_it_is_sane(
    router: respx.Router, client: InferenceClient, value: str, seconds: int
) -> None:
    router.get("/models").respond(503, headers={b"retry-after": value.encode()})
    router.post("/models/swap").respond(429, headers={b"retry-after": value.encode()})

    async with client:
        refusals = [await refusal_of(client.list_models()), await refusal_of(client.swap_model("x"))]

    assert [refusal.retry_after_seconds for refusal in refusals] == [seconds, seconds]


async def test_swap_names_the_model(router: respx.Router, client: InferenceClient) -> None:
    route = router.post("/models/swap", json={"model_tag": 'a"é'}).respond(202, json={"status": "ok"})

    async with client:
        document = await client.swap_model('a"é')

    assert document.status == 202
    assert "x-trace-id" not in route.calls.last.request.headers


async def test_the_mock_of_httpx_itself_works_too() -> None:
    with respx.mock(using="httpx", base_url=BASE) as router:
        router.get("/models").respond(200, json={})
        async with InferenceClient(BASE, None) as client:
            assert (await client.list_models()).content == b"{}"
        assert "x-internal-api-key" not in router.calls.last.request.headers


async def test_the_mock_of_httpx_itself_sees_replies_too() -> None:
    tokens: list[str | None] = []
    with respx.mock(using="httpx", base_url=BASE) as router:
        router.post("/generate").respond(200, headers=STREAM, content=BODY)
        async with InferenceClient(BASE, None) as client:
            await client.generate(REQUEST, lambda frame: tokens.append(frame.token))

    assert tokens == ["a", None]


@pytest.mark.parametrize("base_url", [f"{BASE}/v1", f"{BASE}/v1/"])
async def test_the_service_may_live_under_a_path(router: respx.Router, base_url: str) -> None:
    route = router.get("/v1/models").respond(200)

    async with client_of(router, base_url) as client:
        await client.list_models()

    assert route.called


async def test_no_redirect_is_followed(router: respx.Router, client: InferenceClient) -> None:
    router.get("/models").respond(302, headers={"location": "http://metadata.test/"})
    metadata = router.get("http://metadata.test/").respond(200)

    async with client:
        assert (await refusal_of(client.list_models())).status == 302

    assert not metadata.called


async def test_no_cookie_is_kept(router: respx.Router, client: InferenceClient) -> None:
    route = router.get("/models").respond(200, headers={"set-cookie": "a=b"})

    async with client:
        await client.list_models()
        await client.list_models()

    assert "cookie" not in route.calls.last.request.headers


async def test_what_is_compressed_though_we_asked_for_it_plain_is_refused(
    router: respx.Router, client: InferenceClient
) -> None:
    router.get("/models").mock(
        side_effect=lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x"))
    )

    async with client:
        with pytest.raises(InferenceRefusedError):
            await client.list_models()


@pytest.mark.parametrize("status", [600, 999])
async def test_a_status_that_http_does_not_know_is_not_passed_on(
    router: respx.Router, client: InferenceClient, status: int
) -> None:
    """No server could pass it on to whoever asked."""
    router.get("/models").respond(status)

    async with client:
        with pytest.raises(InferenceRefusedError) as refused:
            await client.list_models()

    assert not isinstance(refused.value, ModelsRefusedError)


async def test_an_answer_may_be_as_large_as_permitted_and_no_larger(
    router: respx.Router, client: InferenceClient
) -> None:
    router.get("/models").respond(200, content=b"x" * 100)
    router.post("/models/swap").respond(200, content=b"x" * 101)

    async with client:
        assert len((await client.list_models()).content) == 100
        with pytest.raises(InferenceRefusedError):
            await client.swap_model("a")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx.ConnectError, InferenceUnreachableError),
        (httpx.ConnectTimeout, InferenceTimeoutError),
        (httpx.PoolTimeout, InferenceTimeoutError),
        (httpx.ReadTimeout, InferenceTimeoutError),
        (httpx.ReadError, InferenceInterruptedError),
        (httpx.RemoteProtocolError, InferenceInterruptedError),
    ],
)
async def test_every_failure_of_the_network_has_its_error(
    router: respx.Router, client: InferenceClient, failure: type[Exception], expected: type[InferenceError]
) -> None:
    router.route().mock(side_effect=failure("secret-detail"))

    async with client:
        for call in (client.list_models(), client.swap_model("a"), client.ping()):
            with pytest.raises(expected) as caught:
                await call
            assert "secret" not in str(caught.value)


async def test_a_stream_works_over_a_transport_that_knows_no_sink(
    router: respx.Router, client: InferenceClient
) -> None:
    router.post("/generate").respond(200, content=BODY, headers=STREAM)
    frames: list[Frame] = []

    async with client:
        await client.generate(REQUEST, frames.append)

    assert [(frame.token, frame.is_closing) for frame in frames] == [("a", False), (None, True)]


async def test_a_stream_that_is_no_http_is_refused(router: respx.Router, client: InferenceClient) -> None:
    router.post("/generate").mock(side_effect=httpx.RemoteProtocolError("no"))

    async with client:
        with pytest.raises(InferenceRefusedError):
            await client.generate(REQUEST, lambda _: None)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_of_our_key_is_an_error_in_the_log_and_never_passed_on(
    router: respx.Router, client: InferenceClient, status: int
) -> None:
    router.route().respond(status, content=b"secret", headers={"www-authenticate": "Bearer"})

    async with client:
        for call in (
            client.list_models(),
            client.swap_model("a"),
            client.ping(),
            client.generate(REQUEST, lambda _: None),
        ):
            with structlog.testing.capture_logs() as lines, pytest.raises(InferenceKeyRefusedError):
                await call
            assert lines == [
                {
                    "event": "the inference service refuses our internal key",
                    "log_level": "error",
                    "status": status,
                }
            ]


async def test_a_ping_does_not_mind_any_other_status(router: respx.Router, client: InferenceClient) -> None:
    router.get("/models").respond(500)

    async with client:
        await client.ping()


async def test_a_client_that_is_not_open_says_so(client: InferenceClient) -> None:
    for call in (client.list_models(), client.swap_model("a"), client.ping(), client.generate(REQUEST, lambda _: None)):
        with pytest.raises(RuntimeError, match="not open"):
            await call


@pytest.mark.parametrize(
    "url",
    ["", "inference:8000", "ftp://host", "http://", "/models", "http://u:p@host", "http://host?a=b", "http://host#a"],
)
def test_a_url_that_cannot_be_meant_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"http\(s\)://host"):
        InferenceClient(url, "key")


@pytest.mark.parametrize("seconds", [0, -1])
def test_timeouts_and_limits_are_more_than_nothing(seconds: int) -> None:
    with pytest.raises(ValueError, match="idle_seconds"):
        InferenceTimeouts(idle_seconds=seconds)
    with pytest.raises(ValueError, match="max_connections"):
        InferenceLimits(max_connections=seconds)


def test_the_key_is_in_no_representation(client: InferenceClient) -> None:
    assert "secret-key" not in repr(client)
    assert "secret-key" not in repr(vars(client))


async def test_a_service_that_is_told_no_model_offers_every_name(client: InferenceClient) -> None:
    async with client:
        assert await client.offers("a label of its owner")
