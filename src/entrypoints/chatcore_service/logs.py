"""Logs: one JSON object a line on standard output, uvicorn's and the libraries' among them.

Never a token, a key or a message's text: nothing logs a body or a header, and of an exception only what cannot
hold either is kept.
"""

import json
import logging
import sys
import traceback
from contextlib import suppress
from types import TracebackType
from typing import Any, TextIO, cast

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


def configure_logging(*, service_name: str, level: str) -> None:
    """Sets up the logs of this process. May be called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service_name),
        structlog.processors.ExceptionRenderer(_described),
    ]
    last: list[Processor] = [
        structlog.processors.EventRenamer("message"),
        _bounded,
    ]
    structlog.configure(
        processors=[*shared, *last, structlog.processors.JSONRenderer(serializer=_dump)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _StandardOutput())),
        cache_logger_on_first_use=False,
    )
    _configure_foreign(shared, last, level)


def _configure_foreign(shared: list[Processor], last: list[Processor], level: str) -> None:
    handler = logging.StreamHandler(_StandardOutput())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_first_line, *shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *last,
                structlog.processors.JSONRenderer(serializer=_dump),
            ],
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


def _named(service_name: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service_name
        return event

    return add


def _bounded(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and len(value) > _MAX_CHARS:
            event[key] = value[:_MAX_CHARS] + "…"
    return event


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


def _dump(event: EventDict, **_: object) -> str:
    # In ASCII: some readers of logs take U+2028 for the end of a line, and a lone surrogate is no UTF-8. Nearly every
    # line is ASCII by itself.
    with suppress(orjson.JSONEncodeError):
        line = orjson.dumps(event, default=_type_name, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        if line.isascii():
            return line.decode()
    return _ascii_encoder.encode(event)


def _type_name(value: object) -> str:
    return type(value).__qualname__


_ascii_encoder = json.JSONEncoder(default=_type_name, separators=(",", ":"))
