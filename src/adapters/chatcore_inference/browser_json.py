"""Reads a JSON object as the JSON parser of any browser does, without limits on numbers and nesting.

A browser shows a token whatever else its event holds, so the stored text needs a parser that accepts as much. orjson
refuses half of a surrogate pair, bytes that are not UTF-8, numbers beyond the range of a double, and nesting of more
than 1,024 levels. Python's own parser reads all of these but the nesting, if it reads whole numbers as floats.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn

#: JSON data has one of these types; a dict has strings for keys.
Json = dict[str, object] | list[object] | str | float | bool | None

_TOKEN = re.compile(
    r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"'
    r"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[Ee][+-]?[0-9]++)?"
    r"|true|false|null|[][{},:]|[ \t\n\r]++"
)

# The states of the walk through the tokens of a text; each name says which token comes next.
_TOP, _FIRST_ITEM, _ITEM, _ITEM_END, _FIRST_KEY, _KEY, _COLON, _MEMBER, _MEMBER_END, _NOTHING = range(10)
_AFTER_VALUE = {_TOP: _NOTHING, _FIRST_ITEM: _ITEM_END, _ITEM: _ITEM_END, _MEMBER: _MEMBER_END}
_OPENED = {"[": _FIRST_ITEM, "{": _FIRST_KEY}
_CLOSABLE = {"]": (_FIRST_ITEM, _ITEM_END), "}": (_FIRST_KEY, _MEMBER_END)}
# The next state, by the first character of a token that neither opens nor closes a container.
_NEXT: dict[int, dict[str, int]] = {state: dict.fromkeys(" \t\n\r", state) for state in range(10)}
for _state, _after in _AFTER_VALUE.items():
    _NEXT[_state] |= dict.fromkeys('"-0123456789tfn', _after)
_NEXT[_FIRST_KEY]['"'] = _NEXT[_KEY]['"'] = _COLON
_NEXT[_COLON][":"] = _MEMBER
_NEXT[_ITEM_END][","] = _ITEM
_NEXT[_MEMBER_END][","] = _KEY


def read_object(data: bytes) -> dict[str, object] | None:
    """Returns the JSON object in `data`, or None if `data` is no JSON or no object.

    Of repeated keys the last one counts. Numbers are floats. The containers inside a deeply nested object are empty.
    """
    text = data.decode(errors="replace")
    try:
        value = _parsed(text)
    except ValueError:
        return None
    except RecursionError:
        shallow = _without_nesting(text)
        value = None if shallow is None else _parsed(shallow)
    return value if isinstance(value, dict) else None


def _parsed(text: str) -> Json:
    value: Json = json.loads(text, parse_int=float, parse_constant=_refuse)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # Only Python's JSON has NaN and the infinities.


def _without_nesting(text: str) -> str | None:
    """Returns the JSON text with an empty object in place of each container inside the outermost one.

    The result is None if the text is no JSON.
    """
    tokens: list[str] = _TOKEN.findall(text)
    # `findall` skips characters that are part of no token.
    is_whole = sum(map(len, tokens)) == len(text)
    try:
        return "".join(_outermost(tokens)) if is_whole else None
    except KeyError:
        return None


def _outermost(tokens: Iterable[str]) -> Iterator[str]:
    """Yields the tokens of the outermost container, and an empty object for each container in it.

    Raises:
        KeyError: the tokens are no JSON.
    """
    state = _TOP
    # The state after each open container.
    containers: list[int] = []
    for token in tokens:
        kind = token[0]
        depth = len(containers)
        if kind in _OPENED:
            containers.append(_AFTER_VALUE[state])
            state = _OPENED[kind]
            if depth <= 1:
                yield "{}" if depth else kind
        elif kind in _CLOSABLE:
            if state not in _CLOSABLE[kind]:
                raise KeyError(kind)
            state = containers.pop()
            if depth == 1:
                yield kind
        else:
            state = _NEXT[state][kind]
            if depth <= 1:
                yield token
    if state != _NOTHING:
        raise KeyError(state)
