"""The settings of the inference service, and the sentences with which the start refuses them."""

import pytest

from chatcore_service.environment import InvalidSettingsError
from chatcore_service.inference_settings import InferenceProtocol, InferenceSettings, OpenAiContinue
from chatcore_service.settings import Settings

KEY = {"INTERNAL_API_KEY": "secret-key"}
OPENAI = {**KEY, "INFERENCE_PROTOCOL": "openai"}


def test_an_openai_server_needs_nothing_but_the_protocol() -> None:
    assert Settings.from_environment(OPENAI).inference == InferenceSettings(protocol=InferenceProtocol.OPENAI)


def test_every_variable_sets_its_field() -> None:
    variables = {
        **OPENAI,
        "INFERENCE_API_KEY": "sk-new, sk-old",
        "INFERENCE_MODEL": "org/Model-7B:free",
        "OPENAI_CONTINUE": "vLLM",
        "INFERENCE_PASS_FIELDS": "thinking_mode, seed,seed",
        "OPENAI_SEND_TOP_K": "true",
    }

    assert Settings.from_environment(variables).inference == InferenceSettings(
        protocol=InferenceProtocol.OPENAI,
        api_key="sk-new, sk-old",
        model="org/Model-7B:free",
        openai_continue=OpenAiContinue.VLLM,
        openai_send_top_k=True,
        pass_fields=("thinking_mode", "seed"),
    )


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"INFERENCE_PROTOCOL": "ollama"}, "INFERENCE_PROTOCOL must be one of openai, samosachaat."),
        ({**OPENAI, "OPENAI_CONTINUE": "yes"}, "OPENAI_CONTINUE must be one of none, prefill, vllm."),
        ({**OPENAI, "OPENAI_SEND_TOP_K": "maybe"}, "OPENAI_SEND_TOP_K must be true or false."),
        (
            {**OPENAI, "INFERENCE_API_KEY": "sk-\N{SNOWMAN}"},
            "INFERENCE_API_KEY must be visible ASCII characters; commas separate several keys.",
        ),
        ({**OPENAI, "INFERENCE_MODEL": "a\nb"}, "INFERENCE_MODEL must be at most 1000 printable characters."),
        ({**OPENAI, "INFERENCE_MODEL": "\udcff"}, "INFERENCE_MODEL must be at most 1000 printable characters."),
        ({**OPENAI, "INFERENCE_MODEL": "x" * 1001}, "INFERENCE_MODEL must be at most 1000 printable characters."),
        *(
            (
                {"INFERENCE_PASS_FIELDS": f"seed,{name}"},
                f"INFERENCE_PASS_FIELDS must not have {name}, which this service sets itself.",
            )
            for name in ("messages", "model", "stream", "n", "tools", "temperature", "content")
        ),
        (
            {"INFERENCE_PASS_FIELDS": "a b"},
            "INFERENCE_PASS_FIELDS must be names of letters, digits and underscores, separated by commas.",
        ),
        *(
            ({**OPENAI, name: value}, f"{name} must be absent unless INFERENCE_PROTOCOL is samosachaat.")
            for name, value in (("INFERENCE_GENERATE_PATH", "/"), ("INFERENCE_CAN_CONTINUE", "false"))
        ),
        *(
            ({name: value}, f"{name} must be absent unless INFERENCE_PROTOCOL is openai.")
            for name, value in (
                ("INFERENCE_API_KEY", "sk-new"),
                ("INFERENCE_MODEL", "small"),
                ("OPENAI_CONTINUE", "none"),
                ("OPENAI_SEND_TOP_K", "false"),
            )
        ),
    ],
)
def test_one_sentence_says_which_variable_is_wrong(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        Settings.from_environment({**KEY, **variables})

    assert str(refused.value) == sentence


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.from_environment({**OPENAI, "INFERENCE_GENERATE_PATH": " "}).inference.generate_path == "/generate"


def test_the_key_is_in_no_representation() -> None:
    assert "sk-new" not in repr(Settings.from_environment({**OPENAI, "INFERENCE_API_KEY": "sk-new"}))
