"""Chooses what writes the replies of the local stack: a language model, or old-fashioned chatbots in its place."""

from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

from chatcore_dev.child_process import Program
from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.local_services import service_program
from chatcore_dev.model_service.model_file import find_model
from chatcore_dev.tcp_ports import LOOPBACK, free_port

#: The settings by which the chat service reaches its model. The stack sets them all, whatever the environment says.
CONNECTION_SETTINGS = frozenset(
    {
        "INFERENCE_SERVICE_URL",
        "INFERENCE_PROTOCOL",
        "INFERENCE_API_KEY",
        "INFERENCE_MODEL",
        "INFERENCE_GENERATE_PATH",
        "INFERENCE_CAN_CONTINUE",
        "OPENAI_CONTINUE",
        "OPENAI_SEND_TOP_K",
    }
)

_NOT_INSTALLED = "because the language model is not installed on this machine"


class LocalModel(StrEnum):
    """Names what can write the replies of the local stack."""

    SMOLLM2 = "smollm2"
    ELIZA = "eliza"


@frozen(kw_only=True)
class LocalInference:
    """A program that writes replies."""

    program: Program
    #: The settings by which the chat service reaches the program.
    settings: Mapping[str, str]
    #: What a person at the terminal reads about the program.
    sentence: str
    #: Where the program answers 200 once its model is loaded; None for a program that is always able to start.
    health_url: str | None = None


def chosen_inference(model: LocalModel, data: DataDirectory, environment: Mapping[str, str]) -> LocalInference:
    """Returns the program for a model: chatbots in place of a language model that is not installed."""
    if model is LocalModel.ELIZA:
        return chatbots(data, environment)
    return _language_model(data, environment) if find_model() else chatbots(data, environment, reason=_NOT_INSTALLED)


def chatbots(data: DataDirectory, environment: Mapping[str, str], *, reason: str = "") -> LocalInference:
    """Returns the program with the chatbots, which speaks the service's own protocol.

    Args:
        data: the directory for the program's log.
        environment: the program's environment.
        reason: why chatbots take the place of a language model: a clause that begins with `because`.
    """
    port = free_port()
    return LocalInference(
        program=service_program("inference", port, data, environment),
        settings={"INFERENCE_SERVICE_URL": f"http://{LOOPBACK}:{port}"},
        sentence=f"Old-fashioned chatbots write the replies{reason and ', '}{reason}.",
    )


def _language_model(data: DataDirectory, environment: Mapping[str, str]) -> LocalInference:
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    return LocalInference(
        program=service_program("model", port, data, environment),
        settings={
            "INFERENCE_SERVICE_URL": f"{url}/v1",
            "INFERENCE_PROTOCOL": "openai",
            "INFERENCE_API_KEY": environment["INTERNAL_API_KEY"],
            "OPENAI_CONTINUE": "prefill",
            "OPENAI_SEND_TOP_K": "true",
        },
        sentence="SmolLM2 135M, a small language model that runs on this machine, writes the replies.",
        health_url=f"{url}/health",
    )
