"""Parsers of environment variables: each takes the text of a variable, without white space around it.

A parser raises :class:`~chatcore_service.environment.MalformedValueError` for a value that it rejects.
"""

import re
from collections.abc import Callable
from math import inf
from typing import Final
from urllib.parse import urlsplit

from chatcore.key_ring import keys_in
from chatcore_service.environment import MalformedValueError

_SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
# Python's own parsers also accept underscores, white space and the digits of other scripts.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
# A damaged environment variable (with a line break, say) must not become a header.
_HEADER_VALUE = re.compile(r"[!-~]+")


def text(value: str) -> str:
    """Accepts any text."""
    return value


def choice(*choices: str) -> Callable[[str], str]:
    """Accepts one of some words in upper or lower case; returns it in upper case."""

    def parse(value: str) -> str:
        if value.upper() not in choices:
            raise MalformedValueError(f"must be one of {', '.join(sorted(choices))}")
        return value.upper()

    return parse


def switch(value: str) -> bool:
    """Accepts true or false, 1 or 0, yes or no, on or off."""
    if value.lower() not in _SWITCH:
        raise MalformedValueError("must be true or false")
    return _SWITCH[value.lower()]


def whole(low: int, high: int) -> Callable[[str], int]:
    """Accepts a whole number from `low` to `high`."""

    def parse(value: str) -> int:
        if not (_WHOLE_NUMBER.fullmatch(value) and low <= int(value) <= high):
            raise MalformedValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def number(low: float = 0.0, high: float = inf) -> Callable[[str], float]:
    """Accepts a number from `low` to `high`; without `high`, any finite number from `low` up."""
    bounds = f"{low:g}{f' to {high:g}' if high < inf else ' up'}"

    def parse(value: str) -> float:
        if not (_NUMBER.fullmatch(value) and low <= float(value) <= high):
            raise MalformedValueError(f"must be a number from {bounds}")
        return float(value)

    return parse


#: Accepts a duration of more than 0 seconds and at most one day.
seconds: Final = number(0.001, 86_400.0)


def http_url(value: str) -> str:
    """Accepts an http:// or https:// address; returns it without slashes at the end."""
    url = value.rstrip("/")
    if not _is_http_url(url):
        raise MalformedValueError("must be an http:// or https:// address")
    return url


def origins(value: str) -> tuple[str, ...]:
    """Accepts origins, such as https://chat.example.com, separated by commas."""
    listed = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
    if not all(_is_http_url(origin) and urlsplit(origin).path == "" for origin in listed):
        raise MalformedValueError("must be origins such as https://chat.example.com, separated by commas")
    return listed


def internal_keys(value: str) -> str:
    """Accepts one or more keys, separated by commas; returns the text as it is."""
    keys = keys_in(value)
    if not (keys and all(_HEADER_VALUE.fullmatch(key.text.replace(" ", "_")) for key in keys)):
        raise MalformedValueError("must be visible ASCII characters; commas separate several keys")
    return value


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
