"""The figures in docs/performance.md: a block that is made from the results, between two markers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from benchmarks.picture import panels, svg
from benchmarks.problem import BenchmarkError
from benchmarks.summary import notes, rows
from benchmarks.table import markdown_table

_BEGIN, _END = "<!-- figures: made by `make bench` with --publish -->", "<!-- end of figures -->"


def renewed(page: str, block: str) -> str:
    """The page with the block in place of the one that was there.

    Raises:
        BenchmarkError: the page has no place for it.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise BenchmarkError(f"The page has no lines `{_BEGIN}` and `{_END}` for the figures to go between.")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def publish(document: Mapping[str, Any], docs: Path) -> None:
    """Writes the results, the picture, and the table in the page.

    Raises:
        BenchmarkError: the page has no place for the table.
    """
    page = docs / "performance.md"
    block = "\n\n".join([markdown_table(rows(document)), " ".join(notes(document))])
    page.write_text(renewed(page.read_text(), block))
    (docs / "performance.svg").write_text(svg(panels(document)))
    (docs / "performance.json").write_bytes(
        orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    )
