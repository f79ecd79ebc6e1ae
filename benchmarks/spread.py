"""A figure of several rounds: their median, and how far they lie apart."""

import math
from collections.abc import Iterable
from statistics import median
from typing import Self

from attrs import frozen

TIMES = "\N{MULTIPLICATION SIGN}"

# From here on, two places after the decimal point say nothing, and none.
_ONE_PLACE_FROM, _WHOLE_FROM = 10, 100


@frozen
class Spread:
    """The median, and the least and the most beside it."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Of at least one value."""
        found = list(values)
        return cls(median(found), min(found), max(found))

    def __str__(self) -> str:
        """The median; and, of several values, the others in brackets."""
        if self.least == self.most:
            return shown(self.median)
        return f"{shown(self.median)} ({shown(self.least)}\N{EN DASH}{shown(self.most)})"


def shown(value: float) -> str:
    """A number with as many places as say something."""
    if abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _ONE_PLACE_FROM else f"{value:.2f}"


def in_relation(figure: float, to: float) -> float:
    """How many times as much as another; not a number where that is nothing, as in a run whose streams broke."""
    return figure / to if to else math.nan
