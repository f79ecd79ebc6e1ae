"""Requests past a trusted proxy, and through an nginx with the lines of docs/authentication.md."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import psycopg
import pytest
import pytest_asyncio

from tests.integration.bad_input.described import SECURED
from tests.integration.bad_input.nginx import running_nginx
from tests.integration.bad_input.service import Service
from tests.integration.bad_input.wire import Header, require_refusal
from tests.integration.faults.cluster import Cluster
from tests.integration.free_port import free_port
from tests.integration.new_database import new_database
from tests.integration.postgres_server import PostgresServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = Path(__file__).parents[3] / "docs" / "authentication.md"
SECRET = "the-secret-of-the-proxy"
FRONTEND = "https://front.test"

#: A login service in the place of the real ones: it takes the value of a cookie for the name of the user.
_LOGIN = """
server {{
  listen 127.0.0.1:{port};
  location / {{
    if ($cookie_session = "") {{ return 401; }}
    add_header {header} $cookie_session always;
    return 202;
  }}
}}
"""


@pytest.fixture(scope="module")
def database_url(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    """Provides a database to which no service of the other tests is connected."""
    with new_database(postgres, template=template_database) as name:
        yield postgres.database_url(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind_proxy(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Provides a service that trusts proxies on this machine."""
    settings = {
        "AUTH_MODE": "proxy",
        "AUTH_PROXY_USER_HEADER": "X-Forwarded-User",
        "AUTH_PROXY_TRUSTED_IPS": "127.0.0.1",
        "AUTH_PROXY_SECRET": SECRET,
        "FRONTEND_URL": FRONTEND,
        "LOG_LEVEL": "DEBUG",
    }
    cluster = Cluster(database_url, tmp_path_factory.mktemp("proxy"), size=1, settings=settings)
    async with cluster, await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        replica = cluster.replicas[0]
        headers = {"X-Proxy-Secret": SECRET, "X-Forwarded-User": "owner", "Origin": FRONTEND}
        async with httpx.AsyncClient(base_url=replica.base_url, headers=headers, trust_env=False) as client:
            made = (await client.post("/api/conversations")).json()
            await client.post(f"/api/conversations/{made['id']}/messages", json={"content": "hi"})
            opened = (await client.get(f"/api/conversations/{made['id']}")).json()
        yield Service(
            base_url=replica.base_url,
            conversation=made["id"],
            reply=opened["messages"][-1]["id"],
            connection=connection,
        )
        assert cluster.auth.calls("/auth/validate") == 0
        assert SECRET not in replica.log_text()
        assert "Traceback" not in replica.log_text()


@pytest.fixture(scope="module")
def oauth2_proxy_url(behind_proxy: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Provides the address of an nginx with the lines for oauth2-proxy."""
    servers = _documented_server(behind_proxy, login="127.0.0.1:4180")
    with _nginx(servers, tmp_path_factory.mktemp("nginx"), login_header="X-Auth-Request-User") as url:
        yield url


# -- Past the proxy --------------------------------------------------------------------------------------------------

USER: Header = ("X-Forwarded-User", "owner")
NO_PROXY: dict[str, list[Header]] = {
    "nothing": [],
    "no secret": [USER],
    "no user": [("X-Proxy-Secret", SECRET)],
    "another secret": [USER, ("X-Proxy-Secret", SECRET[:-1])],
    "two secrets": [USER, ("X-Proxy-Secret", SECRET), ("x-proxy-secret", SECRET)],
    "two users": [USER, ("x-forwarded-user", "owner"), ("X-Proxy-Secret", SECRET)],
    "underscores": [("X_Forwarded_User", "owner"), ("X_Proxy_Secret", SECRET)],
    "secret for a token": [USER, ("Authorization", f"Bearer {SECRET}")],
    "secret for a cookie": [("Cookie", f"X-Proxy-Secret={SECRET}; X-Forwarded-User=owner")],
    "user that is no UTF-8": [("X-Forwarded-User", b"\xff"), ("X-Proxy-Secret", SECRET)],
    "empty user": [("X-Forwarded-User", " \t"), ("X-Proxy-Secret", SECRET)],
    "256 characters": [("X-Forwarded-User", "x" * 256), ("X-Proxy-Secret", SECRET)],
}


@pytest.mark.parametrize("name", NO_PROXY)
async def test_no_route_is_reached_past_the_proxy(behind_proxy: Service, name: str) -> None:
    before = await behind_proxy.rows()
    for operation in SECURED:
        require_refusal(await behind_proxy.call(operation, [*NO_PROXY[name], ("Origin", FRONTEND)]), 401)
    assert await behind_proxy.rows() == before


async def test_no_route_that_changes_something_is_reached_from_another_site(behind_proxy: Service) -> None:
    before = await behind_proxy.rows()
    for operation in SECURED:
        for origin in ("null", "https://evil.test", f"{FRONTEND}.evil.test"):
            if operation.method != "GET":
                headers: list[Header] = [USER, ("X-Proxy-Secret", SECRET), ("Origin", origin)]
                require_refusal(await behind_proxy.call(operation, headers), 401)
    assert await behind_proxy.rows() == before


# -- Through nginx ---------------------------------------------------------------------------------------------------


@pytest.mark.nginx
async def test_nginx_hands_on_the_user_whom_the_login_names(oauth2_proxy_url: str) -> None:
    async with _browser(oauth2_proxy_url, user="alice") as alice, _browser(oauth2_proxy_url, user="bob") as bob:
        made = await alice.post("/api/conversations")
        assert (made.status_code, made.json()["user_id"]) == (201, "alice")
        path = made.headers["location"]
        sent = await alice.post(f"{path}/messages", json={"content": "hi"})
        assert sent.text.endswith('data: {"done":true}\n\n')
        assert (await bob.get(path)).status_code == 404


@pytest.mark.nginx
async def test_nginx_lets_nobody_in_without_a_login(oauth2_proxy_url: str) -> None:
    async with _browser(oauth2_proxy_url, user="") as stranger:
        answers = [
            await stranger.get("/api/conversations"),
            await stranger.get("/api/conversations", headers={"X-Forwarded-User": "alice"}),
            await stranger.post("/api/conversations", headers={"X-Forwarded-User": "alice", "X-Proxy-Secret": SECRET}),
        ]

    assert [answer.status_code for answer in answers] == [401] * 3


@pytest.mark.nginx
@pytest.mark.parametrize("count", [1, 2])
async def test_nginx_replaces_what_a_client_says_of_itself(oauth2_proxy_url: str, count: int) -> None:
    claims = [("X-Forwarded-User", "alice"), ("X-Proxy-Secret", "guess"), ("X-Forwarded-Proto", "https")] * count
    async with _browser(oauth2_proxy_url, user="mallory") as mallory:
        made = await mallory.post("/api/conversations", headers=claims)

    assert (made.status_code, made.json()["user_id"]) == (201, "mallory")


@pytest.mark.nginx
@pytest.mark.parametrize("origin", [None, "https://evil.test", "null"])
async def test_nginx_does_not_make_another_site_ours(oauth2_proxy_url: str, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with httpx.AsyncClient(base_url=oauth2_proxy_url, trust_env=False, cookies={"session": "alice"}) as client:
        refused = await client.post("/api/conversations", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "foreign_origin")
        assert (await client.post("/api/conversations", headers={"Origin": FRONTEND})).status_code == 201


@pytest.mark.nginx
async def test_the_lines_for_authelia_hand_on_its_user(behind_proxy: Service, tmp_path: Path) -> None:
    lines = _blocks("Authelia behind nginx")
    # The service under test reads the header of the other example.
    lines = lines.replace("proxy_set_header Remote-User", "proxy_set_header X-Forwarded-User")
    servers = _pointed(f"server {{ listen 443 ssl;\n{lines} }}", behind_proxy, login="127.0.0.1:9091")
    with _nginx(servers, tmp_path, login_header="Remote-User") as url:
        async with _browser(url, user="zoë") as browser:
            assert (await browser.post("/api/conversations")).json()["user_id"] == "zoë"
        async with _browser(url, user="") as stranger:
            assert (await stranger.get("/api/conversations", headers={"Remote-User": "alice"})).status_code == 401


def _browser(url: str, *, user: str) -> httpx.AsyncClient:
    """Returns a client that sends what a browser sends from the service's own page: the session and the origin."""
    session = {b"Cookie": b"session=" + user.encode()} if user else {}
    return httpx.AsyncClient(base_url=url, trust_env=False, headers={b"Origin": url.encode(), **session})


def _nginx(servers: str, folder: Path, *, login_header: str) -> AbstractContextManager[str]:
    port, login_port = free_port(), free_port()
    login = _LOGIN.format(port=login_port, header=login_header)
    servers = servers.replace("LOGIN", f"127.0.0.1:{login_port}").replace("PORT", str(port))
    return running_nginx(login + servers, folder, port=port)


def _documented_server(service: Service, *, login: str) -> str:
    return _pointed(_blocks("oauth2-proxy behind nginx"), service, login=login)


def _pointed(lines: str, service: Service, *, login: str) -> str:
    """Returns the lines of the page with the addresses and the secret of this test."""
    for written, meant in {
        "listen 443 ssl;": "listen 127.0.0.1:PORT;",
        "http://127.0.0.1:8002": service.base_url,
        login: "LOGIN",
        "<the value of AUTH_PROXY_SECRET>": SECRET,
    }.items():
        assert written in lines
        lines = lines.replace(written, meant)
    return lines


def _blocks(section: str) -> str:
    """Returns the lines for nginx of a section of the page."""
    _, _, rest = PAGE.read_text().partition(f"\n### {section}\n")
    return "\n".join(re.findall(r"```nginx\n(.*?)```", rest.partition("\n### ")[0], re.DOTALL))
