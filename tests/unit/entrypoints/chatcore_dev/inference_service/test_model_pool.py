"""Tests which model is loaded at which time."""

import pytest

from chatcore_dev.inference_service.model_pool import ModelPool
from chatcore_dev.service_parts.json_requests import RefusedError


def test_without_a_loaded_model_requests_are_refused() -> None:
    pool = ModelPool()

    with pytest.raises(RefusedError) as caught:
        pool.current()

    assert caught.value.status == 503
    assert pool.current_tag is None


async def test_a_loaded_model_replaces_the_one_before() -> None:
    pool = ModelPool()
    await pool.load("eliza")
    before = pool.current()

    await pool.load("zen")

    assert (before.tag, pool.current().tag, pool.current_tag) == ("eliza", "zen", "zen")
