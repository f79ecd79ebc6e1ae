"""The results as JSON: a part each, with when, where and beside which limit it was measured."""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from benchmarks.machine import description
from benchmarks.problem import BenchmarkError


def read(file: Path) -> dict[str, Any]:
    """All parts by name; none where there is no file.

    Raises:
        BenchmarkError: it is no such file.
    """
    if not file.exists():
        return {}
    try:
        document = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(part, dict) for part in document.values()):
        raise BenchmarkError(f"{file} does not hold results of the benchmark; move it away, or name another --output.")
    return document


def require_place(file: Path) -> None:
    """Returns when results can be kept there.

    Raises:
        BenchmarkError: they cannot, or there is something else.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=file.parent):
            read(file)
    except OSError as error:
        raise BenchmarkError(f"Results cannot be kept in {file}: {error.strerror}; name another --output.") from error


def merge(file: Path, name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """Puts a part in place of the one that was there, and keeps the others; all of them.

    Raises:
        BenchmarkError: the file holds something else.
    """
    document = read(file)
    taken = datetime.now(UTC).isoformat(timespec="minutes")
    document[name] = {"taken_at": taken, "machine": description(), **part}
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    unfinished.rename(file)
    return document
