"""Logs: one JSON object a line on standard output, uvicorn's and the libraries' among them.

Never a token, a key or a message's text: nothing logs a body or a header, and of an exception only what cannot
hold either is kept.
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

# They tell of every call and connection; and their debug logs hold headers and bodies.
_CHATTY = ("asyncio", "httpcore", "httpx", "psycopg", "psycopg.pool", "uvicorn")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class _StandardOutput:
    """Standard output, whatever it is just then; what cannot be written is lost, and fails nothing."""

    def write(self, text: str) -> None:
        # A disk that is full, or a pipe that nobody reads any more.
        with suppress(OSError, ValueError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.flush()

    def line(self, text: str) -> None:
        """Writes it out at once."""
        with suppress(OSError, ValueError):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    # By the names of structlog's levels.
    debug = info = warning = error = critical = line


def configure_logging(*, service_name: str, level: str) -> None:
    """Sets up the logs of this process. May be called again."""
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
    # asyncio goes on with the exception as it represents itself, uvicorn with a whole traceback.
    event["event"], *_rest = str(event["event"]).split("\n", 1)
    return event


def _line(service_name: str) -> Processor:
    # In one step: every request has a line, and each step of a chain costs as much as what it does.
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


def _described(exc_info: ExcInfo) -> list[dict[str, object]]:
    """An exception and its causes, the outermost first, without what a user may have written."""
    described: list[dict[str, object]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(described) < _MAX_CAUSES:
        described.append({"type": type(error).__qualname__, **_details(error), "frames": _frames(error)})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return described


def _details(error: BaseException) -> dict[str, object]:
    # The text of a foreign exception may hold anything: a database's, for one, quotes the row it refused.
    details: dict[str, Any] = {"sqlstate": getattr(error, "sqlstate", None)}
    if isinstance(error, ChatError):
        details["sentence"] = str(error)
    elif isinstance(error, OSError):
        details["reason"] = error.strerror
    return {name: value for name, value in details.items() if value is not None}


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]


_render_exception = structlog.processors.ExceptionRenderer(_described)


def _dump(event: EventDict) -> str:
    # In ASCII: some readers of logs take U+2028 for the end of a line, and a lone surrogate is no UTF-8. Nearly every
    # line is ASCII by itself.
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
