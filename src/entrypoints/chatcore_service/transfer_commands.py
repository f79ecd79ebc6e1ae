"""Implements the commands that export, import and delete what one user has."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from tqdm import tqdm

from chatcore import ChatError, User
from chatcore.conversations.use_cases import Conversations
from chatcore.errors import InvalidInputError
from chatcore.input_limits import InputLimits
from chatcore.ports import Clock, Storage
from chatcore.system_clock import SystemClock
from chatcore.transfers.use_cases import Transfers
from chatcore_service.container import PostgresStorage
from chatcore_service.logs import configure_logging
from chatcore_service.settings import NO_CONNECTION_STRING
from chatcore_service.transfers.chatgpt_reader import ChatGptReader
from chatcore_service.transfers.detecting_reader import DetectingReader
from chatcore_service.transfers.importing import ImportReport, import_all
from chatcore_service.transfers.own_reader import OwnReader
from chatcore_service.transfers.reading import ConversationReader, UnknownFormatError
from chatcore_service.transfers.writer import written

_CHUNK_BYTES = 64 * 1024
# A command may wait for the database longer than a request may.
_TIMEOUT_SECONDS = 60.0

#: The formats of files, by the word of the command line.
READERS: dict[str, type[ConversationReader]] = {"chatgpt": ChatGptReader, "chatcore": OwnReader}


async def export_user(database_url: str, schema: str, user_id: str, output: Path | None) -> str | None:
    """Writes all conversations of a user to a file or to standard output; returns an error message, or None."""

    async def work(user: User, use_cases: "_UseCases") -> None:
        with _opened(output) as file, _progress(None, " bytes") as advance:
            async for piece in written(use_cases.transfers, user, use_cases.clock.now()):
                await asyncio.to_thread(file.write, piece)
                advance(len(piece))

    return await _run(database_url, schema, user_id, work)


async def import_files(
    database_url: str, schema: str, user_id: str, files: Sequence[Path], *, format_: str, limits: InputLimits
) -> str | None:
    """Imports files for a user and prints a report; returns an error message, or None."""

    async def work(user: User, use_cases: "_UseCases") -> None:
        for path in files:
            report = ImportReport()
            size = path.stat().st_size
            with path.open("rb") as file, _progress(size, " bytes") as advance:
                reader = DetectingReader(user.id, limits.max_title_chars, only=READERS[format_])
                try:
                    await import_all(_chunks(file, advance), reader, use_cases.transfers.add, report)
                except UnknownFormatError:
                    raise _CommandFailedError(f"{path} is no export of {format_}.") from None
                finally:
                    _print_report(path, report)

    return await _run(database_url, schema, user_id, work)


async def delete_user(database_url: str, schema: str, user_id: str) -> str | None:
    """Deletes everything that a user has; returns an error message, or None."""

    async def work(user: User, use_cases: "_UseCases") -> None:
        await use_cases.conversations.delete_all(user)
        print("deleted")  # noqa: T201 - a command prints its result

    return await _run(database_url, schema, user_id, work)


class _CommandFailedError(Exception):
    """Reports to the operator why a command cannot go on."""


class _UseCases:
    """The use cases that a command needs, over a storage."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.clock = clock
        self.conversations = Conversations(
            storage=storage,
            deletions=storage,
            clock=clock,
            # The process that generates a reply learns of the deletion at its next checkpoint.
            on_deleted=lambda _user_id, _conversation_id: None,
            placeholder_titles=(),
        )
        self.transfers = Transfers(storage=storage, conversations=self.conversations)


async def _run(database_url: str, schema: str, user_id: str, work: Callable[[User, _UseCases], Any]) -> str | None:
    configure_logging(service_name="chatcore-transfers", level="ERROR")
    try:
        user = User(id=user_id)
    except InvalidInputError as error:
        return f"The user's id is not valid: {error}"
    try:
        storage = _storage(database_url, schema)
    except ValueError:
        return NO_CONNECTION_STRING
    try:
        async with storage:
            await storage.ping()
            await work(user, _UseCases(storage, SystemClock()))
    except (ChatError, _CommandFailedError, OSError) as error:
        return str(error)
    return None


def _storage(database_url: str, schema: str) -> PostgresStorage:
    return PostgresStorage(
        database_url,
        min_connections=1,
        max_connections=4,
        reserved_connections=2,
        connection_timeout_seconds=_TIMEOUT_SECONDS,
        timeout_seconds=_TIMEOUT_SECONDS,
        schema=schema,
    )


@contextmanager
def _opened(output: Path | None) -> Generator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with output.open("wb") as file:
            yield file


@contextmanager
def _progress(total: int | None, unit: str) -> Generator[Callable[[int], object]]:
    """Shows a progress bar on a terminal."""
    bar: tqdm[NoReturn]
    with tqdm(total=total, unit=unit, unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        yield bar.update


async def _chunks(file: BinaryIO, advance: Callable[[int], object]) -> AsyncGenerator[bytes]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
        yield chunk
        advance(len(chunk))


def _print_report(path: Path, report: ImportReport) -> None:
    print(f"{path}: {report.imported} imported, {report.skipped} skipped")  # noqa: T201 - a command prints its result
    for problem in report.problems:
        print(f"{path}:{problem.line}: {problem.problem}")  # noqa: T201 - a command prints its result
