"""Publishes results: the figures in docs/performance.md, the picture, and the data."""

from pathlib import Path

from benchmarks.benchmark_error import BenchmarkError
from benchmarks.figures import notes, rows, table
from benchmarks.picture import panels, svg
from benchmarks.results import Results, encode, valid

_BEGIN, _END = "<!-- figures: made by `make bench` with --publish -->", "<!-- end of figures -->"


def with_figures(page: str, figures: str) -> str:
    """Returns the page with new figures between its two markers; raises BenchmarkError if the page lacks one."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise BenchmarkError(f"The page has no lines `{_BEGIN}` and `{_END}` for the figures to go between.")
    return f"{before}{begin}\n\n{figures}\n\n{end}{after}"


def publish(document: Results, docs: Path) -> None:
    """Writes the page, the picture and the data, without measurements that are not valid."""
    shown = valid(document)
    page = docs / "performance.md"
    page.write_text(with_figures(page.read_text(), f"{table(rows(shown))}\n\n{' '.join(notes(shown))}"))
    (docs / "performance.svg").write_text(svg(panels(shown)))
    (docs / "performance.json").write_bytes(encode(shown))
