"""Logs: one JSON object per line, with the required fields and without secrets."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from tests.restored_logging import restored_logging
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, running_service

from chatcore.errors import StorageUnavailableError
from chatcore_memory import token_frame
from chatcore_service.logs import configure_logging, flush_logs


@pytest.fixture(autouse=True)
def _logging_is_restored() -> Iterator[None]:
    with restored_logging():
        yield


class Lines:
    """Everything written so far."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self.text = ""

    def read(self) -> list[dict[str, Any]]:
        assert flush_logs()
        self.text += self._capfd.readouterr().out
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
    configure_logging(service_name="chat-test", level="DEBUG")
    return Lines(capfd)


def test_a_line_has_timestamp_level_service_and_message(lines: Lines) -> None:
    structlog.get_logger("x").warning("something happened", count=3)

    (line,) = lines.read()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", line["timestamp"])
    assert (line["level"], line["service"], line["message"]) == ("warning", "chat-test", "something happened")
    assert line["count"] == 3


@pytest.mark.parametrize("text", ["plain", "\u2028"])
def test_a_timestamp_is_an_instant_in_utc_to_the_microsecond(lines: Lines, text: str) -> None:
    before = datetime.now(UTC)
    structlog.get_logger("x").info(text)

    (line,) = lines.read()
    assert before <= datetime.fromisoformat(line["timestamp"]) <= datetime.now(UTC)


def test_logs_of_libraries_have_the_same_format(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").error("went %s", "wrong")

    (line,) = lines.read()
    assert (line["level"], line["service"], line["message"]) == ("error", "chat-test", "went wrong")


@pytest.mark.parametrize("rest", ["\nfuture: <Task exception=ValueError('canary')>", "\n\ncanary", "\n" * 9 + "canary"])
def test_only_the_first_line_of_a_librarys_message_is_logged(lines: Lines, rest: str) -> None:
    logging.getLogger("library").error("it failed%s", rest)

    (line,) = lines.read()
    assert line["message"] == "it failed"


async def test_the_error_of_a_task_that_nobody_awaits_is_logged_without_its_text(lines: Lines) -> None:
    async def fail() -> None:
        raise ValueError("canary\ncanary")

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()

    (line,) = lines.read()
    assert line["message"] == "Task exception was never retrieved"
    assert line["exception"][0]["type"] == "ValueError"
    assert "canary" not in lines.text


def test_the_level_holds_for_all(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(service_name="chat-test", level="ERROR")
    structlog.get_logger("x").warning("no")
    logging.getLogger("library").warning("no")

    assert Lines(capfd).read() == []


def test_libraries_do_not_log_every_call(lines: Lines) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET https://x")
    logging.getLogger("httpcore.http11").debug("send_request_headers")
    logging.getLogger("psycopg.pool").info("connection given")

    assert lines.read() == []


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\u2028", "\ud800", "x" * 1_000_000, "😀"])
def test_no_value_breaks_a_line_or_makes_it_long(lines: Lines, text: str) -> None:
    structlog.get_logger("x").info("said", text=text)

    (line,) = lines.read()
    assert line["message"] == "said"
    assert len(lines.text) < 13_000


def fail_with_a_cause() -> None:
    try:
        raise ValueError("Failing row contains (secret text)")  # noqa: TRY301 - gives the error below a cause
    except ValueError as error:
        raise StorageUnavailableError from error


def test_a_malformed_line_of_a_library_is_reported_without_its_text(
    lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    # A logger would also hand the record to the handlers of pytest.
    record = logging.LogRecord("library", logging.WARNING, "library.py", 1, "%d", ("canary",), None)
    logging.getLogger().handlers[0].handle(record)

    (line,) = lines.read()
    assert (line["message"], line["logger"]) == ("a library's log line is malformed", "library")
    assert "canary" not in lines.text + capfd.readouterr().err


def test_a_warning_of_python_is_a_line(lines: Lines, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        logging.captureWarnings(capture=False)
        configure_logging(service_name="chat-test", level="INFO")
        warnings.simplefilter("always")
        warnings.warn("something is old", UserWarning, stacklevel=1)
        logging.captureWarnings(capture=False)

    (line,) = lines.read()
    assert line["level"] == "warning"
    assert line["message"].endswith("UserWarning: something is old")
    assert capfd.readouterr().err == ""


def test_an_exception_is_logged_without_its_text(lines: Lines) -> None:
    try:
        fail_with_a_cause()
    except StorageUnavailableError:
        structlog.get_logger("x").exception("it failed")
        logging.getLogger("library").exception("it failed")

    for line in lines.read():
        outer, inner = line["exception"]
        assert (outer["type"], outer["sentence"]) == (
            "StorageUnavailableError",
            "The database is temporarily unavailable.",
        )
        assert inner["type"] == "ValueError"
        assert "test_logs.py" in inner["frames"][-1]
    assert "secret" not in lines.text


async def test_a_request_is_one_line_with_its_trace_and_its_user(lines: Lines) -> None:
    async with running_service() as service:
        lines.read()
        await service.client.get("/api/conversations?limit=5", headers={**ALICE, "x-trace-id": "my-trace"})
        await service.client.get("/api/conversations/x")

    known, unknown = [line for line in lines.read() if line["message"] == "request"]
    assert (known["trace_id"], known["user_id"]) == ("my-trace", "alice")
    assert (known["method"], known["path"], known["status_code"]) == ("GET", "/api/conversations", 200)
    assert known["duration_ms"] >= 0
    assert unknown["status_code"] == 401
    assert "user_id" not in unknown


async def test_a_reply_is_logged_with_the_trace_of_its_request(lines: Lines) -> None:
    async with running_service() as service:
        path = f"{await service.conversation()}/messages"
        await service.client.post(path, json={"content": "hi"}, headers={**ALICE, "x-trace-id": "my-trace"})

    told = [line for line in lines.read() if line["message"].startswith("a reply has")]
    assert [(line["trace_id"], line["user_id"]) for line in told] == [("my-trace", "alice")] * 2
    assert told[1]["status"] == "complete"


async def test_probes_are_not_logged(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(service_name="chat-test", level="INFO")
    async with running_service() as service:
        for path in ("/api/health", "/api/ready", "/metrics"):
            await service.client.get(path)

    assert "request" not in [line["message"] for line in Lines(capfd).read()]


async def test_no_token_key_or_text_is_ever_logged(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_service() as service:
        conversation = await service.conversation()
        service.inference.play(token_frame("canary-reply"), token_frame("more"))
        body = {"content": "canary-content", "canary-field": 1}
        for sent in ({"content": "canary-content"}, body, {"content": "canary" * 2000}, ["canary"]):
            await service.client.post(f"{conversation}/messages", json=sent, headers=ALICE)
        await service.client.put(conversation, json={"title": "canary-title"}, headers=ALICE)
        await service.client.get("/api/conversations?token=canary-query", headers={"Authorization": "Bearer canary-x"})
        await service.client.post(
            f"{conversation}/messages", json={"content": "x"}, headers={**ALICE, "Idempotency-Key": "canary key"}
        )

        async def fail(*_: object) -> None:
            raise RuntimeError("canary-error")

        monkeypatch.setattr(service.storage, "open_path", fail)
        await service.client.get(conversation, headers=ALICE)
        metrics = (await service.client.get("/metrics")).text

    lines.read()
    for written in (lines.text, metrics):
        assert "canary" not in written
        assert "token-of-alice" not in written
        assert "internal-key" not in written
