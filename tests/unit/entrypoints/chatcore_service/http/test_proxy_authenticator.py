"""Requests that a trusted proxy hands on, and requests that only look so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from attrs import evolve
from starlette.requests import Request
from structlog.contextvars import get_contextvars
from tests.unit.entrypoints.chatcore_service.api.ownership import OWNED, RANDOM_ID, Row, secured_routes
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService, running_service
from tests.unit.entrypoints.chatcore_service.trusted_proxy import (
    BEHIND_PROXY,
    FRONTEND,
    PROXY_ADDRESS,
    SECRET,
    Header,
    as_user,
    client_at,
    raw,
)

from chatcore import User
from chatcore.errors import NotAuthenticatedError
from chatcore.input_limits import InputLimits
from chatcore_memory import FrozenClock
from chatcore_memory.frames import token_frame
from chatcore_service.api.all_endpoints import openapi_document
from chatcore_service.http.caller import Caller
from chatcore_service.streaming.stream_monitor import StreamMonitor, StreamState

USER: Header = ("X-Forwarded-User", "alice")
LIST = "/api/conversations"


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    async with running_service(BEHIND_PROXY) as service:
        yield service


async def listed(service: HttpService, headers: list[Header], *, peer: str | None = PROXY_ADDRESS) -> int:
    async with client_at(service, peer) as client:
        return (await client.get(LIST, headers=raw(headers))).status_code


async def created(service: HttpService, headers: list[Header], *, host: str = "chat.test") -> int:
    """Returns the status of the request that creates a conversation as Alice through the proxy."""
    async with client_at(service) as client:
        response = await client.post(LIST, headers=raw([("Host", host), SECRET, USER, *headers]))
    assert response.status_code == 201 or response.json()["code"] == "foreign_origin"
    return response.status_code


# -- Whom a proxy names ----------------------------------------------------------------------------------------------


async def test_the_user_is_whom_the_proxy_names(service: HttpService) -> None:
    async with client_at(service) as client:
        for name in ("alice", "bob"):
            made = await client.post(LIST, headers=as_user(name))
            assert (made.status_code, made.json()["user_id"]) == (201, name)


@pytest.mark.parametrize(
    "name",
    ["alice", "Zoë", "ユーザー/👩‍🚀 %41", "a b", "cn=alice,dc=a,dc=test", "alice@a.test", "x" * 255, "ü" * 255],
)
async def test_a_name_is_the_id_of_the_user_as_the_proxy_sends_it_in_utf_8(service: HttpService, name: str) -> None:
    async with client_at(service) as client:
        headers = raw([SECRET, FRONTEND, ("X-Forwarded-User", name)])
        assert (await client.post(LIST, headers=headers)).json()["user_id"] == name


@pytest.mark.parametrize(
    "value",
    [
        "",
        " \t ",
        "\N{NO-BREAK SPACE}",
        "\N{IDEOGRAPHIC SPACE}alice",
        "alice\N{NO-BREAK SPACE}",
        "al\x00ice",
        "al\x1bice",
        "al\x7fice",
        "al\x85ice",
        "al\tice",
        "al\u2028ice",
        "x" * 256,
        b"Zo\xeb",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xc0\x80",
    ],
)
async def test_what_is_no_name_is_refused(service: HttpService, value: str | bytes) -> None:
    assert await listed(service, [SECRET, ("X-Forwarded-User", value)]) == 401


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Forwarded-User", "alice"), ("X-Forwarded-User", "alice")],
        [("X-Forwarded-User", "alice"), ("x-forwarded-user", "bob")],
        [("X-Forwarded-User", ""), ("X-Forwarded-User", "alice")],
        [("X_Forwarded_User", "alice")],
        [("X-Forwarded-User-", "alice")],
        [("X-Forwarded-Preferred-Username", "alice"), ("Remote-User", "alice"), ("X-User-Id", "alice")],
        [("Authorization", "Bearer token-of-alice")],
        [("Authorization", "Basic YWxpY2U6cGFzc3dvcmQ="), ("Cookie", "X-Forwarded-User=alice")],
    ],
)
async def test_the_header_names_the_user_once_and_nothing_else_does(
    service: HttpService, headers: list[Header]
) -> None:
    assert await listed(service, [SECRET, *headers]) == 401


async def test_a_token_beside_the_header_makes_no_difference(service: HttpService) -> None:
    async with client_at(service) as client:
        made = await client.post(LIST, headers=as_user("bob") | ALICE)
        assert made.json()["user_id"] == "bob"


# -- Which proxy is trusted ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "status"),
    [
        ("10.0.0.5", 200),
        ("10.1.255.255", 200),
        ("::1", 200),
        ("::ffff:10.0.0.5", 200),
        ("::ffff:a00:6", 401),
        ("10.0.0.6", 401),
        ("10.2.0.0", 401),
        ("127.0.0.1", 401),
        ("::2", 401),
        ("localhost", 401),
        ("", 401),
        (None, 401),
    ],
)
async def test_only_the_address_of_the_peer_makes_a_trusted_proxy(
    service: HttpService, peer: str | None, status: int
) -> None:
    claims: list[Header] = [
        ("X-Forwarded-For", PROXY_ADDRESS),
        ("X-Real-IP", PROXY_ADDRESS),
        ("Forwarded", f"for={PROXY_ADDRESS};by={PROXY_ADDRESS}"),
    ]

    assert await listed(service, [SECRET, USER], peer=peer) == status
    assert await listed(service, [SECRET, USER, *claims], peer=peer) == status


@pytest.mark.parametrize("secret", ["new-secret", "old-secret"])
async def test_during_a_change_of_the_secret_the_old_one_and_the_new_one_are_taken(
    service: HttpService, secret: str
) -> None:
    assert await listed(service, [("X-Proxy-Secret", secret), USER]) == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Proxy-Secret", "")],
        [("X-Proxy-Secret", "new-secre")],
        [("X-Proxy-Secret", "new-secret2")],
        [("X-Proxy-Secret", "NEW-SECRET")],
        [("X-Proxy-Secret", "new-secret,old-secret")],
        [("X-Proxy-Secret", "new-secret, new-secret")],
        [("X-Proxy-Secret", "n\u00e9w-secret")],
        [("X-Proxy-Secret", b"\xff")],
        [SECRET, SECRET],
        [SECRET, ("X-Proxy-Secret", "")],
        [("X_Proxy_Secret", "new-secret")],
        [("Authorization", "Bearer new-secret")],
        [("X-Internal-API-Key", "internal-key")],
    ],
)
async def test_without_one_secret_nobody_is_let_in(service: HttpService, headers: list[Header]) -> None:
    assert await listed(service, [USER, *headers]) == 401


@pytest.mark.parametrize(
    ("peer", "headers", "reason"),
    [
        ("10.9.9.9", [SECRET, USER], "the peer 10.9.9.9 is not in AUTH_PROXY_TRUSTED_IPS"),
        (PROXY_ADDRESS, [USER], "there is no X-Proxy-Secret with a secret of AUTH_PROXY_SECRET"),
        (PROXY_ADDRESS, [SECRET], "there is no X-Forwarded-User with a name"),
        (PROXY_ADDRESS, [SECRET, ("X-Forwarded-User", b"\xff")], "X-Forwarded-User is not UTF-8"),
    ],
)
async def test_a_refusal_tells_the_caller_nothing_and_the_log_why(
    service: HttpService, peer: str, headers: list[Header], reason: str
) -> None:
    async with client_at(service, peer) as client:
        response = await client.get(LIST, headers=raw(headers))
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    problem = response.json()
    assert problem["code"] == "not_authenticated"
    assert problem["detail"] == "The request must come from the trusted proxy, which names the user."

    scope = {"type": "http", "method": "GET", "path": LIST, "headers": [(n.lower(), v) for n, v in raw(headers)]}
    with pytest.raises(NotAuthenticatedError):
        await service.container.authenticator().authenticate(Request({**scope, "client": (peer, 40000)}))
    assert get_contextvars()["refused"] == reason


# -- Requests of other sites -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "scheme", "origin"),
    [
        ("chat.test", [], "http://chat.test"),
        ("chat.test:8080", [], "http://chat.test:8080"),
        ("CHAT.test:80", [], "http://chat.test"),
        ("chat.test", ["https"], "https://chat.test"),
        ("chat.test", ["HTTPS"], "https://chat.test"),
        ("chat.test:443", ["https"], "https://chat.test"),
        ("chat.test:8443", ["https"], "https://chat.test:8443"),
        ("[::1]:8080", ["http"], "http://[::1]:8080"),
        ("elsewhere.test", ["https"], "https://front.test"),
        ("", ["ftp"], "https://front.test"),
    ],
)
async def test_a_page_of_our_own_or_of_the_frontend_may_change_something(
    service: HttpService, host: str, scheme: list[str], origin: str
) -> None:
    forwarded: list[Header] = [("X-Forwarded-Proto", value) for value in scheme]

    assert await created(service, [("Origin", origin), *forwarded], host=host) == 201


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", "")],
        [("Origin", "null")],
        [("Origin", "https://evil.test")],
        [("Origin", "https://front.test.evil.test")],
        [("Origin", "https://front.test/")],
        [("Origin", "https://front.test:8443")],
        [("Origin", "http://front.test")],
        [("Origin", "HTTPS://FRONT.TEST")],
        [("Origin", "https://front.test https://evil.test")],
        [("Origin", "https://front.test"), ("Origin", "https://front.test")],
        [("Origin", "https://evil.test"), ("Origin", "https://front.test")],
        [("Origin", "https://chat.test")],
        [("Origin", "chat.test")],
        [("Origin", b"http://chat.test\xff")],
        [("Origin", "http://chat.test"), ("X-Forwarded-Proto", "https")],
        [("Origin", "https://chat.test"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "https")],
        [("Origin", "https://chat.test"), ("X-Forwarded-Proto", "https, http")],
        [("Origin", "ftp://chat.test"), ("X-Forwarded-Proto", "ftp")],
        [("Origin", "http://chat.test"), ("X-Forwarded-Proto", "")],
        [("Origin", "https://evil.test"), ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "https")],
        [("Referer", "https://front.test/")],
        [("Sec-Fetch-Site", "same-origin")],
    ],
)
async def test_a_page_of_another_site_may_change_nothing(service: HttpService, headers: list[Header]) -> None:
    assert await created(service, headers) == 401

    async with client_at(service) as client:
        assert (await client.get(LIST, headers=as_user("alice"))).json()["items"] == []


@pytest.mark.parametrize("host", ["", "chat.test/x", "user@chat.test", "chat.test:x", "chat.test,evil.test", "*"])
async def test_a_host_that_is_none_has_no_pages(service: HttpService, host: str) -> None:
    assert await created(service, [("Origin", f"http://{host}")], host=host) == 401


async def test_two_hosts_have_no_pages(service: HttpService) -> None:
    assert await created(service, [("Host", "chat.test"), ("Origin", "http://chat.test")]) == 401


async def test_every_method_that_changes_something_needs_an_origin(service: HttpService) -> None:
    async with client_at(service) as client:
        for method, path in secured_routes(openapi_document(InputLimits())):
            address = path.format(conversation_id=RANDOM_ID, message_id=RANDOM_ID)
            # A feed would be open for ten minutes, but for the malformed id.
            response = await client.request(method, address, headers=raw([SECRET, USER, ("Last-Event-ID", "none")]))
            assert (response.status_code == 401) is (method != "GET"), (method, path)


async def test_a_page_of_another_site_is_told_so_by_a_code_of_its_own(service: HttpService) -> None:
    async with client_at(service) as client:
        response = await client.post(LIST, headers=as_user("alice") | {"Origin": "https://evil.test"})

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "access-control-allow-origin" not in response.headers
    assert response.json()["code"] == "foreign_origin"


# -- What else depends on the caller ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", OWNED, ids=str)
async def test_the_owner_gets_through_and_nobody_else(service: HttpService, row: Row) -> None:
    async with client_at(service) as client:
        behind = evolve(service, client=client)
        # A reply that has reached its length can be continued, and everything else can be done with it too.
        service.inference.play(token_frame("Hello"), b'data: {"done":true,"finish_reason":"length"}\n\n')
        opened = await behind.turn(await behind.conversation(as_user("alice")), headers=as_user("alice"))
        ids = opened["id"], opened["messages"][-1]["id"]

        assert (await row.request(client, ids, as_user("bob"))).status_code == 404
        assert (await row.request(client, ids, as_user("alice"))).status_code < 300


@pytest.mark.parametrize(
    ("name", "status"),
    [("root", 202), ("Root", 403), ("boss@a.test", 202), ("Boss@A.test", 202), ("boss", 403), ("alice", 403)],
)
async def test_the_settings_name_the_administrators(service: HttpService, name: str, status: int) -> None:
    async with client_at(service) as client:
        response = await client.post("/api/models/swap", json={"model_tag": "x"}, headers=as_user(name))

    assert response.status_code == status


async def test_a_stream_lives_for_its_time_and_then_has_to_pass_the_proxy_again(service: HttpService) -> None:
    clock = FrozenClock()
    monitor = StreamMonitor(authenticator=service.container.authenticator(), clock=clock, settings=BEHIND_PROXY.streams)
    state = StreamState(Caller(user=User(id="alice"), trace_id="trace"), wake=lambda: None)
    monitor.enter(state)

    await clock.elapse(BEHIND_PROXY.streams.max_seconds - 1)
    assert not _is_over(state)
    await clock.elapse(1)
    assert _is_over(state)

    monitor.leave(state)
    await monitor.close()


async def test_no_auth_service_is_asked(service: HttpService) -> None:
    service.auth.outage = True
    async with client_at(service) as client:
        ready = await client.get("/api/ready")
        assert (ready.status_code, ready.json()["checks"]["auth"]) == (200, "ok")
        assert (await client.get(LIST, headers=as_user("alice"))).status_code == 200

    assert service.auth.trace_ids == []


async def test_the_document_describes_the_headers_of_the_proxy(service: HttpService) -> None:
    async with client_at(service, "10.9.9.9") as client:
        document = (await client.get("/openapi.json")).json()

    assert document["security"] == [{"proxy_user": [], "proxy_secret": []}]
    schemes = document["components"]["securitySchemes"]
    assert {scheme["name"] for scheme in schemes.values()} == {"X-Forwarded-User", "X-Proxy-Secret"}
    assert {(scheme["type"], scheme["in"]) for scheme in schemes.values()} == {("apiKey", "header")}
    assert document["paths"]["/api/health"]["get"]["security"] == []


def _is_over(state: StreamState) -> bool:
    # A type checker would assume that the attribute is unchanged after the clock has moved.
    return state.is_over
