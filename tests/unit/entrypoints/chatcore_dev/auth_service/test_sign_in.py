"""The one-time code of the local stack's page: when it is worth a token, and to whom."""

from __future__ import annotations

import httpx
import pytest

from chatcore.key_ring import keys_in
from chatcore_dev.auth_service.auth_app import create_auth_app
from chatcore_dev.auth_service.sign_in import (
    CODE_VARIABLE,
    LIFETIME_SECONDS,
    ORIGINS_VARIABLE,
    OneTimeCode,
    new_code,
    sign_in_from,
)
from chatcore_dev.auth_service.user_tokens import token_claims
from chatcore_dev.auth_service.users import USERS

KEY = "a key"
CODE = "m3Qw_9fK-Xz7Lb2RtYv4Ns"
PAGE, OTHER_NAME = "http://127.0.0.1:8002", "http://localhost:8002"
VARIABLES = {CODE_VARIABLE: CODE, ORIGINS_VARIABLE: f"{PAGE},{OTHER_NAME}"}


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = create_auth_app(KEY, sign_in_from(VARIABLES, KEY))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8001")


async def show(client: httpx.AsyncClient, code: object = CODE, **headers: str) -> httpx.Response:
    return await client.post("/sign-in", json={"code": code}, headers={"Origin": PAGE, **headers})


async def test_the_code_is_worth_a_token_of_the_user_demo_once(client: httpx.AsyncClient) -> None:
    first, second = await show(client), await show(client)

    assert first.status_code == 200
    assert token_claims(first.json()["token"], keys_in(KEY))["sub"] == USERS["demo"].id
    assert first.headers["cache-control"] == "no-store"
    assert second.status_code == 401
    assert "token" not in second.json()


@pytest.mark.parametrize("code", ["", CODE[:-1], CODE + "A", CODE.lower(), "cödé", None, 7, [CODE]])
async def test_another_code_is_refused_and_spends_nothing(client: httpx.AsyncClient, code: object) -> None:
    assert (await show(client, code)).status_code == 401
    assert (await show(client)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.test"},
        {"Origin": "http://127.0.0.1:8003"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Host": "attacker.test"},
        {"Host": "attacker.test:8001"},
        {"Host": "127.0.0.1.attacker.test"},
        {"Host": "[::1"},
    ],
    ids=str,
)
async def test_no_other_page_and_no_other_name_of_this_machine_gets_a_token(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await show(client, **headers)).status_code == 403
    assert (await show(client)).status_code == 200


@pytest.mark.parametrize("host", ["localhost:8001", "127.0.0.1", "[::1]:8001"])
async def test_this_machine_has_several_names(client: httpx.AsyncClient, host: str) -> None:
    assert (await show(client, Host=host)).status_code == 200


@pytest.mark.parametrize(("origin", "status"), [(PAGE, 200), (OTHER_NAME, 200), ("https://attacker.test", 400)])
async def test_a_browser_may_ask_for_the_page_and_for_no_other(
    client: httpx.AsyncClient, origin: str, status: int
) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }

    response = await client.options("/sign-in", headers=asked)
    assert response.status_code == status
    assert (response.headers.get("access-control-allow-origin") == origin) is (status == 200)


def test_a_code_expires() -> None:
    assert OneTimeCode(CODE, now=100).take(CODE, 100 + LIFETIME_SECONDS - 1)
    assert not OneTimeCode(CODE, now=100).take(CODE, 100 + LIFETIME_SECONDS)


def test_codes_have_128_bits() -> None:
    codes = {new_code() for _ in range(100)}

    assert len(codes) == 100
    assert all(len(code) * 6 >= 128 for code in codes)


@pytest.mark.parametrize("missing", VARIABLES)
async def test_without_a_page_there_is_no_exchange(missing: str) -> None:
    app = create_auth_app(KEY, sign_in_from({**VARIABLES, missing: ""}, KEY))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8001") as client:
        assert (await show(client)).status_code == 404
