"""The figures as a table: for a terminal, and for a page."""

from collections.abc import Sequence

from attrs import astuple
from benchmarks.summary import Row

_HEADINGS = ("", "chatcore", "limit", "in relation", "target")


def terminal_table(rows: Sequence[Row]) -> str:
    """Columns as wide as what is in them."""
    lines = [_HEADINGS, *(astuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    )


def markdown_table(rows: Sequence[Row]) -> str:
    """As a page has it."""
    lines = [_HEADINGS, ("---", "--:", "--:", "--:", "--:"), *(astuple(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
