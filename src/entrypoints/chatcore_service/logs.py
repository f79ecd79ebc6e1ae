"""Logs one JSON object per line to standard output, for the service, uvicorn and all libraries.

No line contains a token, a key or the text of a message: the service logs no body and no header, and logs only those
parts of an exception that can contain neither.

This module adds the timestamp, the level and the service's name to a line. The request middleware
(:mod:`chatcore_service.http.request_middleware`) binds the trace id, and the authenticator
(:mod:`chatcore_service.http.caller`) binds the user id.
"""

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

_MAX_CHARS = 2000
_MAX_FRAMES = 20
_MAX_CAUSES = 5

# Libraries that log every call and connection, and whose debug logs contain headers and bodies.
_CHATTY = ("asyncio", "httpcore", "httpx", "psycopg", "psycopg.pool", "uvicorn")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class _StandardOutput:
    """Writes lines to the current standard output, and drops a line that cannot be written."""

    def write(self, text: str) -> None:
        # The disk may be full, or the reader of the pipe may have ended.
        with suppress(OSError, ValueError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.flush()

    def line(self, text: str) -> None:
        """Writes a line and flushes it."""
        with suppress(OSError, ValueError):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    # structlog calls the method with the name of the level.
    debug = info = warning = error = critical = line


def configure_logging(*, service_name: str, level: str) -> None:
    """Configures logging in this process. The function may be called again."""
    last = _line(service_name)
    output = _StandardOutput()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: output,
        cache_logger_on_first_use=False,
    )
    _configure_foreign(last, level, output)


def _configure_foreign(last: Processor, level: str, output: _StandardOutput) -> None:
    handler = logging.StreamHandler(output)
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
