"""Implements ``chatcore import samosachaat``, which copies the data of a samosachaat service into our tables."""

import sys
from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import NoReturn, TextIO

from tqdm import tqdm

from chatcore.input_limits import InputLimits
from chatcore.ports import Clock
from chatcore.system_clock import SystemClock
from chatcore_service.container import ImportFailedError, ImportReport, OnProgress, TableCounts, import_samosachaat
from chatcore_service.logs import configure_logging


async def import_conversations(
    source_url: str,
    database_url: str,
    *,
    source_schema: str,
    schema: str,
    is_dry: bool,
    placeholder_titles: Collection[str],
    limits: InputLimits,
    clock: Clock | None = None,
) -> str | None:
    """Imports the conversations and prints a report; returns an error message, or None on success.

    The progress is printed to standard error, so that standard output has the report alone.
    """
    # The report is printed for the operator, so only warnings and errors are logged.
    configure_logging(service_name="chatcore-import", level="WARNING")
    try:
        with _progress(sys.stderr) as on_progress:
            report = await import_samosachaat(
                source_url,
                database_url,
                source_schema=source_schema,
                schema=schema,
                is_dry=is_dry,
                placeholder_titles=placeholder_titles,
                limits=limits,
                now=(clock or SystemClock()).now(),
                on_progress=on_progress,
            )
    except ImportFailedError as error:
        return str(error)
    except ValueError:
        return "DATABASE_URL and --from must be PostgreSQL connection strings."
    for line in _lines(report, is_dry=is_dry):
        print(line)  # noqa: T201 - a command prints its result
    return None


@contextmanager
def _progress(stream: TextIO) -> Generator[OnProgress]:
    """Shows a progress bar on a terminal, and elsewhere prints a line whenever another tenth of the rows is done."""
    bar: tqdm[NoReturn] = tqdm(unit=" rows", file=stream, disable=not stream.isatty())
    printed_tenths = 0

    def show(done: int, total: int) -> None:
        nonlocal printed_tenths
        if not bar.disable:
            bar.total = total
            bar.update(done - bar.n)
        elif total and done * 10 // total > printed_tenths:
            printed_tenths = done * 10 // total
            print(f"{done} of {total} rows", file=stream)

    with bar:
        yield show


def _lines(report: ImportReport, *, is_dry: bool) -> Generator[str]:
    for name, counts in (("conversations", report.conversations), ("messages", report.messages)):
        yield from _table_lines(name, counts, added="would be added" if is_dry else "added")
    for note, count in sorted(report.notes.items()):
        yield f"note: {count} {note.value}"
    if is_dry:
        yield "nothing was written"


def _table_lines(name: str, counts: TableCounts, *, added: str) -> Generator[str]:
    skipped = counts.read - counts.added - counts.present
    yield f"{name}: {counts.read} read, {counts.added} {added}, {counts.present} there already, {skipped} skipped"
    for reason, rows in sorted(counts.skipped.items()):
        examples = f" (for example {', '.join(map(str, rows.examples))})" if rows.examples else ""
        yield f"  {rows.count} skipped because {reason.value}{examples}"
