"""Tests that the local inference service accepts several internal keys while one replaces another."""

import pytest
from tests.unit.entrypoints.chatcore_dev.internal_keys import BOTH, RIGHT, WRONG, status_of

from chatcore_dev.inference_service.inference_app import create_inference_app


@pytest.mark.parametrize(("key", "status"), [*((key, 200) for key in RIGHT), *((key, 403) for key in WRONG)])
async def test_each_key_is_accepted_and_nothing_else(key: str, status: int) -> None:
    assert await status_of(create_inference_app(BOTH), "GET", "/models", key) == status


@pytest.mark.parametrize("path", ["/generate", "/models/swap"])
@pytest.mark.parametrize("key", WRONG)
async def test_nothing_is_generated_or_swapped_without_a_key(path: str, key: str) -> None:
    assert await status_of(create_inference_app(BOTH), "POST", path, key, body=b"{}") == 403
