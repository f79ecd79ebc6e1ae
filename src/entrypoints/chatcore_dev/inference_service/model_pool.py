"""Holds the loaded model of the local inference service."""

import asyncio
from http import HTTPStatus

from chatcore_dev.http_service.json_requests import RefusedError
from chatcore_dev.inference_service.chatbots import Chatbot


class ModelPool:
    """Holds the loaded model; there is none while another one is being loaded."""

    def __init__(self) -> None:
        self._loaded: Chatbot | None = None
        self._loading = asyncio.Lock()

    @property
    def current_tag(self) -> str | None:
        """The loaded model's tag."""
        return self._loaded.tag if self._loaded else None

    def current(self) -> Chatbot:
        """Returns the loaded model.

        Raises:
            RefusedError: 503, because no model is loaded at the moment.
        """
        if self._loaded is None:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "No model is loaded.")
        return self._loaded

    async def load(self, tag: str) -> None:
        """Replaces the loaded model by the one with this tag; running replies keep their model."""
        async with self._loading:
            self._loaded = None
            self._loaded = await asyncio.to_thread(Chatbot, tag)
