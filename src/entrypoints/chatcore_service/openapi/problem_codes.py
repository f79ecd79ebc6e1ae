"""Collects the codes of all problem documents from the error classes."""

from collections.abc import Iterator
from types import ModuleType
from typing import TypeVar

from chatcore import errors
from chatcore.errors import ChatError
from chatcore_service.http import refusals
from chatcore_service.http.problems import UNEXPECTED_CODE, UNEXPECTED_SENTENCE, status_of
from chatcore_service.http.refusals import RefusedError

_Error = TypeVar("_Error", bound=Exception)


def problem_codes() -> dict[str, str]:
    """Returns each code with its status and meaning, sorted by status."""
    found = {UNEXPECTED_CODE: (500, UNEXPECTED_SENTENCE)}
    for refusal in _classes(refusals, RefusedError):
        found.setdefault(refusal.code, (refusal.status, _meaning(refusal)))
    for error in _classes(errors, ChatError):
        found.setdefault(error.code, (status_of(error), _meaning(error)))
    in_order = sorted(found.items(), key=lambda item: (item[1][0], item[0]))
    return {code: f"{status}: {meaning}" for code, (status, meaning) in in_order}


def _classes(module: ModuleType, root: type[_Error]) -> Iterator[type[_Error]]:
    # No code raises the root class itself.
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, root) and value is not root:
            yield value


def _meaning(error: type[Exception]) -> str:
    return (error.__doc__ or "").partition("\n")[0]
