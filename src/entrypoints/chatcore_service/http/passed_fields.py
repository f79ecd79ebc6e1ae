"""Takes fields from a request's body that go along to the inference service as they are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import orjson

from chatcore.errors import FieldProblem, InvalidInputError
from chatcore_service.http.strict_json import parse

#: Most bytes of one field, as JSON.
MAX_PASSED_BYTES = 4096


def passed_fields(body: bytes, names: Sequence[str]) -> Mapping[str, object]:
    """Returns those of the named fields that a decoded body has.

    Raises:
        InvalidInputError: a field is too large, or has text that is no Unicode; the error names each such field.
    """
    if not (names and body):
        return {}
    values = cast("dict[str, object]", parse(body))
    passed = {name: values[name] for name in names if name in values}
    if problems := list(_problems(passed)):
        raise InvalidInputError(*problems)
    return passed


def _problems(passed: Mapping[str, object]) -> Iterator[FieldProblem]:
    for name, value in passed.items():
        try:
            if len(orjson.dumps(value)) > MAX_PASSED_BYTES:
                yield FieldProblem(name, f"must be at most {MAX_PASSED_BYTES} bytes")
        except TypeError:  # Half of a surrogate pair, a number beyond 64 bits, or deep nesting.
            yield FieldProblem(name, "cannot be passed on")
