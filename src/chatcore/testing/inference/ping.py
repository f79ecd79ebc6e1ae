"""Tests ping, as a part of the inference contract."""

import pytest

from chatcore.errors import InferenceError
from chatcore.ports import Inference
from chatcore.testing.inference.script import InferenceScript


@pytest.mark.asyncio
class PingContract:
    """Tests that `ping` tells whether the service can be reached."""

    async def test_ping_returns_when_the_service_can_be_reached(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        assert not inference_service.seen

        await inference.ping()

        assert not inference_service.seen  # No reply was requested.

    async def test_ping_fails_when_the_service_is_away(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        await inference_service.go_away()

        with pytest.raises(InferenceError):
            await inference.ping()
