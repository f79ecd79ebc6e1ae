"""Imports the conversations that a reader finds."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import closing
from typing import Final

from attrs import define, field

from chatcore.ports import Addition
from chatcore.transfers.transferred import TransferredConversation
from chatcore_service.transfers.reading import MAX_CHUNK_BYTES, ConversationReader, Found, Problem

#: Most problems that are listed; more are only counted.
MAX_PROBLEMS: Final = 1000

ID_TAKEN = "A message of this conversation has the id of a message in another conversation."


@define
class ImportReport:
    """Counts what became of the conversations of a file."""

    #: Conversations that were stored.
    imported: int = 0
    #: Conversations that were there already, or that have a problem.
    skipped: int = 0
    #: The first problems.
    problems: list[Problem] = field(factory=list[Problem])

    def add_problem(self, problem: Problem) -> None:
        """Counts a conversation that has a problem."""
        self.skipped += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


async def import_all(
    chunks: AsyncIterable[bytes],
    reader: ConversationReader,
    add: Callable[[TransferredConversation], Awaitable[Addition]],
    report: ImportReport,
    *,
    on_progress: Callable[[int], None] = lambda _held_bytes: None,
) -> None:
    """Stores every conversation of a file as soon as it has been read.

    Args:
        chunks: the bytes of the file, in chunks of any size.
        reader: finds the conversations. It is closed at the end.
        add: stores one.
        report: what is counted, also if the call raises.
        on_progress: is called after each chunk with the number of bytes of a conversation that are in memory.

    Raises:
        UnknownFormatError: the reader does not know the format. Nothing was stored.
        StorageUnavailableError: the storage failed. What was stored before stays, and a repeat passes over it.
    """
    with closing(reader):
        async for chunk in chunks:
            for start in range(0, len(chunk), MAX_CHUNK_BYTES):
                await _take(reader.feed(chunk[start : start + MAX_CHUNK_BYTES]), add, report)
            on_progress(reader.held_bytes)
        await _take(reader.end(), add, report)


async def _take(
    results: Iterator[Found | Problem],
    add: Callable[[TransferredConversation], Awaitable[Addition]],
    report: ImportReport,
) -> None:
    for result in results:
        if isinstance(result, Problem):
            report.add_problem(result)
            continue
        match await add(result.conversation):
            case Addition.ADDED:
                report.imported += 1
            case Addition.PRESENT:
                report.skipped += 1
            case Addition.MESSAGE_ID_TAKEN:
                report.add_problem(Problem(result.line, ID_TAKEN))
