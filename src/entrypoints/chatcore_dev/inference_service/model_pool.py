"""Holds the loaded model of the local inference service."""

import asyncio
from http import HTTPStatus

from chatcore_dev.inference_service.chatbots import Chatbot
from chatcore_dev.service_parts.json_requests import RefusedError


class ModelPool:
    """Holds the loaded model, or no model while another model is being loaded."""

    def __init__(self) -> None:
        self._loaded: Chatbot | None = None
        self._loading = asyncio.Lock()

    @property
    def current_tag(self) -> str | None:
        """Returns the loaded model's tag."""
        return self._loaded.tag if self._loaded else None

    def current(self) -> Chatbot:
        """Returns the loaded model.

        Raises:
            RefusedError: no model is loaded at the moment (503).
        """
        if self._loaded is None:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "No model is loaded.")
        return self._loaded

    async def load(self, tag: str) -> None:
        """Replaces the loaded model by the model with this tag; replies in progress keep their model."""
        async with self._loading:
            self._loaded = None
            self._loaded = await asyncio.to_thread(Chatbot, tag)
