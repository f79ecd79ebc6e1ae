"""Logs one JSON object per line to standard output, for the service, uvicorn and all libraries.

No line contains a token, a key or the text of a message: the service logs no body and no header, and logs only those
parts of an exception that can contain neither.

This module adds the timestamp, the level and the service's name to a line. The request middleware
(:mod:`chatcore_service.http.request_middleware`) binds the trace id, and the authenticator
(:mod:`chatcore_service.http.caller`) binds the user id.
"""

import atexit
import json
import logging
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from chatcore import ChatError
from chatcore_service.log_writer import LogWriter

_MAX_CHARS = 2000
_MAX_FRAMES = 20
_MAX_CAUSES = 5

# Libraries that log every call and connection, and whose debug logs contain headers and bodies.
_CHATTY = ("asyncio", "httpcore", "httpx", "psycopg", "psycopg.pool", "uvicorn")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


#: Time that the lines which wait at the end of the process have to be written.
FLUSH_SECONDS = 2.0


def _standard_output() -> int | None:
    # The descriptor of a closed standard output may belong to a socket by now.
    return None if sys.__stdout__ is None else sys.__stdout__.fileno()


def report_dropped_lines(count: int) -> None:
    """Logs how many lines a writer has dropped."""
    _log.warning("log lines were dropped", count=count)


_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")
_standard_writer = LogWriter(_standard_output(), report_dropped=report_dropped_lines)
atexit.register(_standard_writer.flush, FLUSH_SECONDS)


def configure_logging(*, service_name: str, level: str, writer: LogWriter = _standard_writer) -> None:
    """Configures logging in this process. The function may be called again."""
    last = _line(service_name)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: writer,
        cache_logger_on_first_use=False,
    )
    _configure_foreign(last, level, writer)


def flush_logs(seconds: float = FLUSH_SECONDS) -> bool:
    """Waits until all lines are on standard output, for at most `seconds`; returns whether all lines are there."""
    return _standard_writer.flush(seconds)


def count_dropped_lines() -> int:
    """Returns how many lines this process dropped because standard output took them too slowly or not at all."""
    return _standard_writer.dropped


class _ForeignHandler(logging.Handler):
    """Writes the records of libraries. Python's own handlers would write to a stream, and may block."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.line(self.format(record))
        except Exception as error:  # noqa: BLE001 - a library's malformed record must not fail the library
            _log.error("a library's log line is malformed", logger=record.name, exc_info=error)


def _configure_foreign(last: Processor, level: str, writer: LogWriter) -> None:
    handler = _ForeignHandler(writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                _first_line,
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.ExtraAdder(allow=()),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    # Python writes warnings to standard error, which may block like standard output.
    logging.captureWarnings(capture=True)


def _first_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # The further lines contain the exception's text (asyncio) or a whole traceback (uvicorn).
    event["event"], *_rest = str(event["event"]).split("\n", 1)
    return event


def _line(service_name: str) -> Processor:
    # One processor does the work of several: every request logs a line, and a processor's call costs as much as its
    # work.
    def line(logger: WrappedLogger, level: str, event: EventDict) -> str:
        event["level"] = level
        event["timestamp"] = datetime.now(UTC)
        event["service"] = service_name
        if "exc_info" in event:
            _render_exception(logger, level, event)
        event["message"] = event.pop("event")
        for key, value in event.items():
            if isinstance(value, str) and len(value) > _MAX_CHARS:
                event[key] = value[:_MAX_CHARS] + "…"
        return _dump(event)

    return line


def _describe(exc_info: ExcInfo) -> list[dict[str, object]]:
    """Describes an exception and its causes, the outermost first, without any text that a user may have written."""
    described: list[dict[str, object]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(described) < _MAX_CAUSES:
        described.append({"type": type(error).__qualname__, **_details(error), "frames": _frames(error)})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return described


def _details(error: BaseException) -> dict[str, object]:
    # The text of a library's exception may contain any data: a database error, for example, quotes the rejected row.
    details: dict[str, Any] = {"sqlstate": getattr(error, "sqlstate", None)}
    if isinstance(error, ChatError):
        details["sentence"] = str(error)
    elif isinstance(error, OSError):
        details["reason"] = error.strerror
    return {name: value for name, value in details.items() if value is not None}


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]


_render_exception = structlog.processors.ExceptionRenderer(_describe)


def _dump(event: EventDict) -> str:
    # A line has only ASCII: some log readers take U+2028 for the end of a line, and a lone surrogate is not valid
    # UTF-8. Nearly every line is ASCII without escapes, and orjson is faster than the standard library's encoder.
    with suppress(orjson.JSONEncodeError):
        line = orjson.dumps(event, default=_type_name, option=_OPTIONS)
        if line.isascii():
            return line.decode()
    return _ascii_encoder.encode(event)


_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_UTC_Z


def _type_name(value: object) -> str:
    return type(value).__qualname__


def _spelled(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else _type_name(value)


_ascii_encoder = json.JSONEncoder(default=_spelled, separators=(",", ":"))
