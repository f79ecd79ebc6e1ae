"""Parses JSON strictly: without NaN, duplicate names or encodings other than UTF-8."""

import json
from collections import Counter
from typing import Any, NoReturn

from chatcore.errors import FieldProblem, InvalidInputError
from chatcore_service.http.refusals import MalformedJsonError


def parse(body: bytes) -> object:
    """Parses a body. A faster parser would bring no gain, because bodies are small and few.

    The parser accepts lone surrogates, because the core refuses them and names the field.

    Raises:
        MalformedJsonError: the body is not JSON, is nested too deeply, or has a number of thousands of digits.
        InvalidInputError: an object has a name twice.
    """
    try:
        return _decoder.decode(body.decode())
    except RecursionError as error:
        raise MalformedJsonError("The request body is nested too deeply.") from error
    except ValueError as error:  # Invalid UTF-8 and integers of thousands of digits also raise it.
        raise MalformedJsonError from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = (name for name, times in counts.items() if times > 1)
        raise InvalidInputError(*(FieldProblem(name, "is given more than once") for name in twice))
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
