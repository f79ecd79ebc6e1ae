"""What writes the replies of the local stack: the model that is asked for, or chatbots in its place."""

from pathlib import Path

import pytest

from chatcore_dev import local_inference
from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.local_inference import CONNECTION_SETTINGS, LocalModel, chosen_inference

_ENVIRONMENT = {"INTERNAL_API_KEY": "the key"}


def _installed(monkeypatch: pytest.MonkeyPatch, model: Path | None) -> None:
    monkeypatch.setattr(local_inference, "find_model", lambda: model)


def test_a_language_model_is_spoken_to_as_in_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, tmp_path / "model.gguf")

    inference = chosen_inference(LocalModel.SMOLLM2, DataDirectory(tmp_path), _ENVIRONMENT)

    url = inference.settings["INFERENCE_SERVICE_URL"]
    assert inference.settings == {
        "INFERENCE_SERVICE_URL": url,
        "INFERENCE_PROTOCOL": "openai",
        "INFERENCE_API_KEY": "the key",
        "OPENAI_CONTINUE": "prefill",
        "OPENAI_SEND_TOP_K": "true",
    }
    assert inference.settings.keys() <= CONNECTION_SETTINGS
    assert inference.health_url == url.replace("/v1", "/health")
    assert inference.program.command[2] == "chatcore_dev.model_service"
    assert inference.sentence.startswith("SmolLM2 135M")


@pytest.mark.parametrize(
    ("asked", "installed", "sentence"),
    [
        (LocalModel.ELIZA, True, "Old-fashioned chatbots write the replies."),
        (LocalModel.ELIZA, False, "Old-fashioned chatbots write the replies."),
        (
            LocalModel.SMOLLM2,
            False,
            "Old-fashioned chatbots write the replies, because the language model is not installed on this machine.",
        ),
    ],
)
def test_chatbots_are_spoken_to_by_the_own_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: LocalModel, *, installed: bool, sentence: str
) -> None:
    _installed(monkeypatch, tmp_path / "model.gguf" if installed else None)

    inference = chosen_inference(asked, DataDirectory(tmp_path), _ENVIRONMENT)

    assert inference.settings.keys() == {"INFERENCE_SERVICE_URL"}
    assert inference.health_url is None
    assert inference.program.command[2] == "chatcore_dev.inference_service"
    assert inference.sentence == sentence
