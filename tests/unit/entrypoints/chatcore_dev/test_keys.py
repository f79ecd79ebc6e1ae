"""The local services know several internal keys while one takes the place of another."""

import httpx
import pytest
from starlette.applications import Starlette

from chatcore_dev import auth_service, inference_service
from chatcore_dev.constant_time import is_one_of

NEW, OLD = "new-internal-key", "old-internal-key"
BOTH = f"{NEW}, {OLD}"

RIGHT = [NEW, OLD]
WRONG = ["", NEW[:-1], NEW + "x", BOTH, f"{NEW},{OLD}", ",", "ü"]


async def call(app: Starlette, method: str, path: str, key: str, **request: object) -> httpx.Response:
    headers = {"X-Internal-API-Key": key.encode()}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://local") as client:
        return await client.request(method, path, headers=headers, **request)  # type: ignore[arg-type] # as it takes


async def validate(keys: str, *, key: str, token: str) -> int:
    response = await call(
        auth_service.create_app(keys), "POST", "/auth/validate", key, content=b'{"token":"%b"}' % token.encode()
    )
    return response.status_code


@pytest.mark.parametrize(("key", "status"), [*((key, 200) for key in RIGHT), *((key, 403) for key in WRONG)])
async def test_any_of_them_is_taken_and_nothing_else(key: str, status: int) -> None:
    models = await call(inference_service.create_app(BOTH), "GET", "/models", key)

    assert models.status_code == status
    assert await validate(BOTH, key=key, token=auth_service.mint_token(BOTH, "demo")) == status


@pytest.mark.parametrize("path", ["/generate", "/models/swap"])
@pytest.mark.parametrize("key", WRONG)
async def test_nothing_is_generated_or_swapped_for_who_has_none(path: str, key: str) -> None:
    assert (await call(inference_service.create_app(BOTH), "POST", path, key, content=b"{}")).status_code == 403


@pytest.mark.parametrize(
    ("signed_with", "known", "status"),
    [(OLD, OLD, 200), (OLD, BOTH, 200), (BOTH, NEW, 200), (OLD, NEW, 401), (BOTH, OLD, 401)],
)
async def test_a_token_is_good_for_as_long_as_the_key_that_signed_it_is_known(
    signed_with: str, known: str, status: int
) -> None:
    token = auth_service.mint_token(signed_with, "demo")

    assert await validate(known, key=known.partition(",")[0], token=token) == status


@pytest.mark.parametrize(
    ("shown", "secrets", "expected"),
    [
        (b"a", [b"a", b"b"], True),
        (b"b", [b"a", b"b"], True),
        (b"c", [b"a", b"b"], False),
        (b"", [b"a"], False),
        (b"", [], False),
        (b"aa", [b"a"], False),
    ],
)
def test_a_secret_is_one_of_them_or_not(shown: bytes, secrets: list[bytes], *, expected: bool) -> None:
    assert is_one_of(shown, secrets) is expected
