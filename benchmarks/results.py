"""Keeps results as JSON, one part at a time, and selects the valid results."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.machine import description

Results = Mapping[str, Any]


def read(file: Path) -> dict[str, Any]:
    """Returns all parts by name, none if the file does not exist; raises BenchmarkError if it holds anything else."""
    try:
        document = orjson.loads(file.read_bytes()) if file.exists() else {}
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(part, dict) for part in document.values()):
        raise BenchmarkError(f"{file} does not hold results of the benchmark; move it away, or name another --output.")
    return document


def merge(file: Path, name: str, part: Results) -> None:
    """Replaces one part in the file, and keeps the other parts."""
    taken_at = datetime.now(UTC).isoformat(timespec="minutes")
    document = {**read(file), name: {"taken_at": taken_at, "machine": description(), **part}}
    file.write_bytes(encode(document))


def encode(document: Results) -> bytes:
    """Returns the document as indented JSON."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def problems(found: object) -> Sequence[str]:
    """Returns the reasons why measurements in any piece of a document are not valid."""
    if isinstance(found, Mapping):
        own = [str(found[name]) for name in ("broken", "spoiled") if found.get(name)]
        what = ", ".join(str(found[name]) for name in ("subject", "kind", "streams", "connections") if name in found)
        inner = [problem for each in found.values() for problem in problems(each)]
        return [*(f"{what}: {problem}" if what else problem for problem in own), *inner]
    return [problem for each in found for problem in problems(each)] if isinstance(found, list) else []


def valid(document: Results) -> Results:
    """Returns the document without measurements that are not valid.

    Subjects are compared within a round, so a round with one invalid measurement is omitted as a whole.
    """
    parts = {name: {key: _valid(value) for key, value in part.items()} for name, part in document.items()}
    return {name: part for name, part in parts.items() if all(part.values())}


def _valid(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [each for each in value if not problems(each)]
    if isinstance(value, Mapping):
        own = {name: value[name] for name in ("broken", "spoiled") if name in value}
        return {} if problems(own) else {key: left for key, each in value.items() if (left := _valid(each))}
    return value
