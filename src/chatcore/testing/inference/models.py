"""The inference contract: models, swapping them, and ping."""

import pytest

from chatcore.errors import (
    InferenceError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)
from chatcore.ports.inference import Inference, InferenceReply
from chatcore.testing.inference.script import InferenceScript, SeenModels, SeenSwap
from chatcore.testing.samples import AWKWARD_TEXT


@pytest.mark.asyncio
class ModelsContract:
    """Answers that are passed on unread."""

    @pytest.mark.parametrize("status", [200, 202, 400, 404, 500, 503])
    async def test_models_and_swap_are_passed_on_unread_whatever_their_status(
        self, inference: Inference, inference_service: InferenceScript, status: int
    ) -> None:
        body = b' {"models": [] , "raw":"\xff"} \n'
        inference_service.answer(status, body, "application/json")

        expected = InferenceReply(status, body, "application/json")
        assert await inference.list_models() == expected
        assert await inference.swap_model("eliza") == expected

    async def test_models_and_swap_arrive_as_they_were_asked(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.answer(200, b"{}", "application/json")

        await inference.list_models(trace_id="trace-1")
        await inference.swap_model(AWKWARD_TEXT, trace_id="trace-2")
        await inference.list_models()

        assert list(inference_service.seen) == [
            SeenModels("trace-1"),
            SeenSwap(AWKWARD_TEXT, "trace-2"),
            SeenModels(None),
        ]

    async def test_models_and_swap_say_that_there_is_no_connection(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        await inference_service.go_away()

        with pytest.raises(InferenceUnreachableError):
            await inference.list_models()
        with pytest.raises(InferenceUnreachableError):
            await inference.swap_model("eliza")

    async def test_models_and_swap_say_that_there_is_no_answer(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.fall_silent()

        with pytest.raises(InferenceTimeoutError):
            await inference.list_models()
        with pytest.raises(InferenceTimeoutError):
            await inference.swap_model("eliza")

    async def test_ping_returns_when_the_service_can_be_reached(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.answer(200, b"{}", "application/json")

        await inference.ping()

    async def test_ping_says_when_it_cannot(self, inference: Inference, inference_service: InferenceScript) -> None:
        await inference_service.go_away()

        with pytest.raises(InferenceError):
            await inference.ping()
