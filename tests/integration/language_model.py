"""Runs a real language model: the model service of the local stack, as a process that can be killed."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Self

import httpx
import pytest
from attrs import define, field

from tests.integration.free_port import free_port

#: Marks tests that need the wheels of the model.
needs_language_model = pytest.mark.language_model

# The model is loaded in a second, but other tests may need the processors at the same time.
_LOAD_SECONDS = 60.0


@define(eq=False)
class LanguageModel:
    """``with`` loads the model and ends its process."""

    key: str = "key of the model"
    port: int = field(factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Returns the address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        """Returns the address of the server's OpenAI-compatible API."""
        return f"{self.url}/v1"

    @property
    def authorization(self) -> dict[str, str]:
        """Returns the header with the key."""
        return {"Authorization": f"Bearer {self.key}"}

    def start(self) -> None:
        """Starts the process, and waits until the model is loaded."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chatcore_dev.model_service", "--port", str(self.port)],
            env={**os.environ, "INTERNAL_API_KEY": self.key},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _LOAD_SECONDS
        while not self._is_loaded():
            assert self._process.poll() is None, f"the model service ended with {self._process.returncode}"
            assert time.monotonic() < deadline, "the model was not loaded in time"
            time.sleep(0.05)

    def _is_loaded(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", trust_env=False).is_success
        return False

    def kill(self) -> None:
        """Ends the process without a warning."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def ended_by(self, number: signal.Signals) -> int:
        """Sends a signal that ends the process; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(10)

    def is_working(self) -> bool:
        """Returns whether the server generates a reply at the moment."""
        slots = httpx.get(f"{self.url}/slots", headers=self.authorization, trust_env=False).raise_for_status().json()
        return any(slot["is_processing"] for slot in slots)

    def completion(self, messages: list[dict[str, str]], **fields: object) -> dict[str, object]:
        """Returns a chat completion as one document, without any adapter of ours."""
        response = httpx.post(
            f"{self.api}/chat/completions",
            headers=self.authorization,
            json={"messages": messages, **fields},
            timeout=60,
            trust_env=False,
        )
        document: dict[str, object] = response.raise_for_status().json()
        return document

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
