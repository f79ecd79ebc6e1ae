"""Parses environment variables: each parser takes the text of a variable without surrounding white space.

A parser raises :class:`~chatcore_service.environment.MalformedValueError` for a value that the parser rejects.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from math import inf
from typing import Final, TypeVar
from urllib.parse import urlsplit

from chatcore.input_limits import MAX_MODEL_TAG_CHARS
from chatcore.key_ring import keys_in
from chatcore_service.environment import MalformedValueError

_ChoiceT = TypeVar("_ChoiceT", bound=StrEnum)

_SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
# Python's own parsers also accept underscores, white space and the digits of other scripts.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
# A damaged environment variable (with a line break, for example) must not become a header.
_HEADER_VALUE = re.compile(r"[!-~]+")
# One segment of a path. The pattern excludes "?", "#", backslashes, white space, empty segments, segments of dots, and
# the encoded forms of slashes, backslashes and control characters, on which URL parsers disagree.
_SEGMENT = r"(?!(\.|%2[Ee]){1,2}(/|\Z))([A-Za-z0-9._~!$&'()*+,;=:-]|%(?![01]|2[Ff]|5[Cc]|7[Ff])[0-9A-Fa-f]{2})+"
_URL = re.compile(rf"(?i:https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?(/{_SEGMENT})*")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_URL_PATH = re.compile(rf"/|(/{_SEGMENT})+/?")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# The fields of our own requests for a reply, and those that a protocol sets or whose meaning it relies on.
_OWN_FIELDS = frozenset(
    {
        *("content", "id", "message_id", "on_busy", "parent_id"),
        *("add_generation_prompt", "best_of", "continue_final_message", "echo", "function_call", "functions"),
        *("max_completion_tokens", "max_tokens", "messages", "model", "n", "prompt", "stream", "stream_options"),
        *("temperature", "tool_choice", "tools", "top_k", "user"),
    }
)
# A hundred years; a time that long ago has a date in every calendar that we meet.
_MAX_DAYS = 36_525
# PostgreSQL would cut a longer name.
_MAX_IDENTIFIER_BYTES = 63
# JSON may write a character as the escapes of two surrogates, and has a name and braces around the text.
_MAX_CHARACTER_BYTES = 12
_BODY_AROUND_TEXT_BYTES = 64


def text(value: str) -> str:
    """Accepts any text."""
    return value


def schema_name(value: str) -> str:
    """Accepts the name of a schema of PostgreSQL, of at most 63 bytes, that is not one of the system's own schemas."""
    is_of_system = value.startswith("pg_") or value == "information_schema"
    if is_of_system or len(value.encode()) > _MAX_IDENTIFIER_BYTES or not value.isprintable():
        raise MalformedValueError(
            "must be the name of a schema, of at most 63 bytes, that neither begins with pg_ nor is information_schema"
        )
    return value


def choice(*choices: str) -> Callable[[str], str]:
    """Accepts one of the choices in upper or lower case; returns the choice in upper case."""

    def parse(value: str) -> str:
        if value.upper() not in choices:
            raise MalformedValueError(f"must be one of {', '.join(sorted(choices))}")
        return value.upper()

    return parse


def member(choices: type[_ChoiceT]) -> Callable[[str], _ChoiceT]:
    """Accepts the value of a member of `choices` in upper or lower case; returns the member."""

    def parse(value: str) -> _ChoiceT:
        try:
            return choices(value.lower())
        except ValueError as error:
            raise MalformedValueError(f"must be one of {', '.join(sorted(choices))}") from error

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


def characters(low: int, high: int, *, max_body_bytes: int) -> Callable[[str], int]:
    """Accepts a number of characters from `low` to `high`, all of which fit into a body of `max_body_bytes`."""
    parse_whole = whole(low, high)
    most = (max_body_bytes - _BODY_AROUND_TEXT_BYTES) // _MAX_CHARACTER_BYTES

    def parse(value: str) -> int:
        count = parse_whole(value)
        if count > most:
            raise MalformedValueError(
                f"must be at most {most}, because MAX_BODY_BYTES is {max_body_bytes} and a character may take "
                f"{_MAX_CHARACTER_BYTES} bytes"
            )
        return count

    return parse


def number(low: float = 0.0, high: float = inf) -> Callable[[str], float]:
    """Accepts a number from `low` to `high`; without `high`, accepts any finite number from `low` up."""
    bounds = f"{low:g}{f' to {high:g}' if high < inf else ' up'}"

    def parse(value: str) -> float:
        if not (_NUMBER.fullmatch(value) and low <= float(value) <= high):
            raise MalformedValueError(f"must be a number from {bounds}")
        return float(value)

    return parse


#: Accepts a duration of more than 0 seconds and at most one day.
seconds: Final = number(0.001, 86_400.0)


def days(value: str) -> timedelta | None:
    """Parses a number of days, of which 0 stands for None."""
    return timedelta(days=count) if (count := whole(0, _MAX_DAYS)(value)) else None


def http_url(value: str) -> str:
    """Accepts an http:// or https:// address; returns the address without slashes at the end.

    Paths are appended to the address, so it can have no query and no fragment. Credentials are refused because they
    would be sent beside our own key and could appear in logs.
    """
    url = value.rstrip("/")
    if not (_URL.fullmatch(url) and _is_http_url(url)):
        raise MalformedValueError(
            "must be an http:// or https:// address without a user, a query or a fragment, such as http://host:8000/path"
        )
    return url


def issuer_url(value: str) -> str:
    """Accepts an address as :func:`http_url` does; returns the address unchanged.

    An issuer is compared character by character, so a slash at the end matters.
    """
    http_url(value)
    return value


def admin_claim(value: str) -> str:
    """Accepts the name of a claim, or the name and a value as name=value."""
    name, separator, expected = value.partition("=")
    if not name or (separator and not expected):
        raise MalformedValueError("must be the name of a claim, such as is_admin, or name=value, such as groups=admins")
    return value


def url_path(value: str) -> str:
    """Accepts the path of an address, such as /generate, whose segments are neither empty nor dots."""
    if not _URL_PATH.fullmatch(value):
        raise MalformedValueError(
            "must be a path such as /generate, without empty segments, segments of dots, a query or a fragment"
        )
    return value


def model_name(value: str) -> str:
    """Accepts the name of a model, of at most 1000 printable characters."""
    if not value.isprintable() or len(value) > MAX_MODEL_TAG_CHARS:
        raise MalformedValueError(f"must be at most {MAX_MODEL_TAG_CHARS} printable characters")
    return value


def names(value: str) -> tuple[str, ...]:
    """Accepts any texts, separated by commas; returns the texts without surrounding white space."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def some_names(value: str) -> tuple[str, ...]:
    """Accepts texts, separated by commas, as :func:`names` does; there must be at least one."""
    listed = names(value)
    if not listed:
        raise MalformedValueError("must be one or more names, separated by commas")
    return listed


def passed_names(value: str) -> tuple[str, ...]:
    """Accepts names of fields that neither this service nor a protocol of inference services sets."""
    listed = names(value)
    for name in listed:
        if not _FIELD_NAME.fullmatch(name):
            raise MalformedValueError("must be names of letters, digits and underscores, separated by commas")
        if name in _OWN_FIELDS:
            raise MalformedValueError(f"must not have {name}, which this service sets itself")
    return tuple(dict.fromkeys(listed))


def emails(value: str) -> tuple[str, ...]:
    """Accepts e-mail addresses, separated by commas."""
    listed = names(value)
    if not (listed and all(_EMAIL.fullmatch(email) for email in listed)):
        raise MalformedValueError("must be e-mail addresses, separated by commas")
    return listed


def internal_keys(value: str) -> str:
    """Accepts one or more keys, separated by commas; returns the text unchanged."""
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
