"""Reads variables of an environment, and remembers everything that is wrong with them."""

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import TypeVar

_SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
# Python's own parsers also take underscores, white space and the digits of other scripts.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")

T = TypeVar("T")


class InvalidSettingsError(Exception):
    """Variables are missing or malformed; the service does not start. ``str()`` is a sentence a variable."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{name} {problem}." for name, problem in problems.items()))
        #: What is wrong, by the variable's name.
        self.problems = problems


class Environment:
    """Variables by name, each read by what it should be.

    A variable that is there but empty counts as absent, as it does where a deployment passes on one it lacks.
    A reader returns the default for a variable with a problem; call :meth:`check` once all are read.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._problems: dict[str, str] = {}

    def check(self) -> None:
        """Raises if anything was wrong.

        Raises:
            InvalidSettingsError: names every variable with a problem.
        """
        if self._problems:
            raise InvalidSettingsError(self._problems)

    def refuse(self, name: str, problem: str) -> None:
        """Remembers that the variable has a problem, a fragment that follows its name."""
        self._problems[name] = problem

    def required(self, name: str) -> str:
        """Any text; not to be left out."""
        value = self.text(name, "")
        if not value:
            self.refuse(name, "is required")
        return value

    def text(self, name: str, default: str) -> str:
        """Any text."""
        return self._variables.get(name, "").strip() or default

    def choice(self, name: str, default: str, choices: frozenset[str]) -> str:
        """One of some words, in upper case."""
        value = self.text(name, default).upper()
        if value not in choices:
            self.refuse(name, f"must be one of {', '.join(sorted(choices))}")
        return value

    def switch(self, name: str, *, default: bool) -> bool:
        """True or false."""
        return self._parsed(name, default, lambda text: _SWITCH[text.lower()], "must be true or false")

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number within bounds."""

        def parse(text: str) -> int:
            value = int(text) if _WHOLE_NUMBER.fullmatch(text) else high + 1
            return _within(value, low, high)

        return self._parsed(name, default, parse, f"must be a whole number from {low} to {high}")

    def number(self, name: str, default: float, *, low: float = 0.0, high: float = inf) -> float:
        """A number within bounds."""

        def parse(text: str) -> float:
            value = float(text) if _NUMBER.fullmatch(text) else inf
            return _within(value, low, min(high, 1e18))

        upper = f" to {high:g}" if high < inf else " up"
        return self._parsed(name, default, parse, f"must be a number from {low:g}{upper}")

    def seconds(self, name: str, default: float) -> float:
        """A duration of more than 0 seconds and at most a day."""
        return self.number(name, default, low=0.001, high=86_400.0)

    def _parsed(self, name: str, default: T, parse: Callable[[str], T], problem: str) -> T:
        text = self.text(name, "")
        if not text:
            return default
        try:
            return parse(text)
        except (KeyError, ValueError):
            self.refuse(name, problem)
            return default


Number = TypeVar("Number", int, float)


def _within(value: Number, low: Number, high: Number) -> Number:
    if not low <= value <= high:
        raise ValueError
    return value
