"""Tests the local auth service as a program, with our own client and with plain HTTP."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.integration.entrypoints.chatcore_dev.local_program import KEY, local_service

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.system_clock import SystemClock
from chatcore_auth import AuthClient
from chatcore_dev.auth_service.user_tokens import mint_token
from chatcore_dev.auth_service.users import USERS


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with local_service("auth") as address:
        yield address


@pytest.fixture
async def client(url: str) -> AsyncIterator[AuthClient]:
    async with AuthClient(url, KEY, SystemClock()) as opened:
        yield opened


@pytest.mark.parametrize("name", ["demo", "admin"])
async def test_it_vouches_for_the_users_of_its_tokens(client: AuthClient, name: str) -> None:
    user = await client.authenticate(mint_token(KEY, name))

    assert user.id == USERS[name].id
    assert user.is_admin is (name == "admin")
    assert user.expires_at is not None


def without_its_middle(token: str) -> str:
    head, _, tail = token.split(".")
    return f"{head}..{tail}"


FORGERIES = {
    "signed with another key": mint_token("another-key", "admin"),
    "expired": mint_token(KEY, "demo", lifetime_seconds=0),
    "truncated": mint_token(KEY, "demo")[:-1],
    "extended": mint_token(KEY, "demo") + "A",
    "other claims": without_its_middle(mint_token(KEY, "demo")),
    "unsigned": mint_token(KEY, "demo").rpartition(".")[0] + ".",
    "not a token": "demo",
    "dots": "..",
    "not ASCII": "tökén.👩.🚀",
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES)
async def test_it_rejects_every_other_text(client: AuthClient, token: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        await client.authenticate(token)


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], KEY + "x", "ü"])
async def test_it_answers_only_callers_with_the_key(url: str, key: str) -> None:
    async with AuthClient(url, key, SystemClock()) as client:
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(mint_token(KEY, "demo"))


async def test_it_can_be_pinged(client: AuthClient) -> None:
    await client.ping()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"token", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"token":7}', 400),
        (b'{"token":null}', 400),
        (b'{"token":"\\ud800"}', 400),
        (b"[" * 60_000, 400),
        (b" " * 65_537, 413),
        (b'{"token":""}', 401),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_malformed_request_is_refused(url: str, body: bytes, status: int) -> None:
    response = httpx.post(f"{url}/auth/validate", content=body, headers={"X-Internal-API-Key": KEY}, trust_env=False)

    assert response.status_code == status


def run(*options: str, key: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chatcore_dev.auth_service", *options]
    environment = {**os.environ, "INTERNAL_API_KEY": key}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


async def test_it_prints_a_token_that_it_accepts(client: AuthClient) -> None:
    printed = run("--print-token", "admin", key=KEY).stdout

    assert (await client.authenticate(printed.strip())).is_admin


def test_without_a_key_it_exits_with_one_sentence() -> None:
    ended = run(key="")

    assert ended.returncode == 1
    assert ended.stderr == "INTERNAL_API_KEY is not set: choose a key and give it to the chat service as well.\n"
