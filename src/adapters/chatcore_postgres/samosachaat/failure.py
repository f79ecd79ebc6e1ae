"""Reports errors of an import in one sentence that contains no part of a connection string."""

import re
from collections.abc import Generator
from contextlib import contextmanager

import psycopg


class ImportFailedError(Exception):
    """Reports why an import ended early; ``str()`` is one sentence. What was committed before stays."""


@contextmanager
def failing_as(database: str) -> Generator[None]:
    """Turns errors of PostgreSQL into :class:`ImportFailedError`; `database` names the database in the sentence."""
    try:
        yield
    except psycopg.Error as error:
        raise ImportFailedError(f"{database} failed: {_reason(error)}.") from error
    except UnicodeDecodeError as error:
        raise ImportFailedError(f"{database} has text that is not UTF-8.") from error


def _reason(error: psycopg.Error) -> str:
    if error.diag.message_primary:
        return error.diag.message_primary
    # libpq names the host and the user, and a password with an unescaped @ would be part of the host.
    first_line = str(error).partition("\n")[0]
    fatal = re.search(r"FATAL: +(.+)", first_line)
    return (fatal[1] if fatal else first_line.rpartition(": ")[2]).rstrip(".")
