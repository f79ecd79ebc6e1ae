"""Query parameters of lists and conversations."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import QueryParams

from chatcore import Cursor, PageRequest
from chatcore.conversations.listing import DEFAULT_PAGE
from chatcore.errors import FieldProblem, InvalidInputError

# As many digits as PostgreSQL's bigint has; Python's own parser also takes underscores, white space and the
# digits of other scripts.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")


def page_request(parameters: QueryParams) -> PageRequest:
    """The part of a list that the caller asks for.

    Raises:
        InvalidInputError: a parameter is malformed or given twice.
    """
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for name, read in _READERS.items():
        try:
            values[name] = read(parameters)
        except InvalidInputError as error:
            problems += error.problems
    if problems:
        raise InvalidInputError(*problems)
    if values["cursor"] is not None:
        values["offset"] = 0  # The cursor takes its place.
    return PageRequest(**values)


def wants_all_branches(parameters: QueryParams) -> bool:
    """Whether the caller asks for a conversation's whole tree in place of its active path.

    Raises:
        InvalidInputError: `branches` is neither `active` nor `all`.
    """
    branches = _once(parameters, "branches")
    if branches not in {None, "active", "all"}:
        raise InvalidInputError(FieldProblem("branches", "must be active or all"))
    return branches == "all"


def _limit(parameters: QueryParams) -> int:
    return PageRequest(limit=_whole(parameters, "limit", DEFAULT_PAGE)).limit


def _offset(parameters: QueryParams) -> int:
    return PageRequest(offset=_whole(parameters, "offset", 0)).offset


def _cursor(parameters: QueryParams) -> Cursor | None:
    cursor = _once(parameters, "cursor")
    return None if cursor is None else Cursor.decode(cursor)


# Each by itself, so that a caller is told of all problems at once.
_READERS: Mapping[str, Callable[[QueryParams], object]] = {"limit": _limit, "offset": _offset, "cursor": _cursor}


def _whole(parameters: QueryParams, name: str, default: int) -> int:
    text = _once(parameters, name)
    if text is None:
        return default
    if not _WHOLE_NUMBER.fullmatch(text):
        raise InvalidInputError(FieldProblem(name, "must be a whole number of at most 19 digits"))
    return int(text)


def _once(parameters: QueryParams, name: str) -> str | None:
    values = parameters.getlist(name)
    if len(values) > 1:
        raise InvalidInputError(FieldProblem(name, "must be given once"))
    return values[0] if values else None
