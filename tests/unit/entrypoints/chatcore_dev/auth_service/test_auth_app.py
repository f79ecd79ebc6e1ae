"""Tests that the local auth service accepts several internal keys while one replaces another."""

import pytest
from tests.unit.entrypoints.chatcore_dev.internal_keys import BOTH, NEW, OLD, RIGHT, WRONG, status_of

from chatcore_dev.auth_service.auth_app import create_auth_app
from chatcore_dev.auth_service.user_tokens import mint_token


async def validation_status(keys: str, *, key: str, token: str) -> int:
    body = b'{"token":"%b"}' % token.encode()
    return await status_of(create_auth_app(keys), "POST", "/auth/validate", key, body=body)


@pytest.mark.parametrize(("key", "status"), [*((key, 200) for key in RIGHT), *((key, 403) for key in WRONG)])
async def test_each_key_is_accepted_and_nothing_else(key: str, status: int) -> None:
    assert await validation_status(BOTH, key=key, token=mint_token(BOTH, "demo")) == status


@pytest.mark.parametrize(
    ("signed_with", "known", "status"),
    [(OLD, OLD, 200), (OLD, BOTH, 200), (BOTH, NEW, 200), (OLD, NEW, 401), (BOTH, OLD, 401)],
)
async def test_a_token_is_valid_while_the_key_that_signed_it_is_known(
    signed_with: str, known: str, status: int
) -> None:
    token = mint_token(signed_with, "demo")

    assert await validation_status(known, key=known.partition(",")[0], token=token) == status
