"""Holds values that are made when they are needed, so that few of them are in memory at once."""

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from attrs import frozen

_ValueT = TypeVar("_ValueT")


@frozen
class MadeAnew(Collection[_ValueT]):
    """Iterates over values that are made anew each time.

    Args:
        make: returns an iterator that makes the values, the same ones each time.
        count: the number of the values.
    """

    _make: Callable[[], Iterator[_ValueT]]
    _count: int

    def __iter__(self) -> Iterator[_ValueT]:
        """Makes the values."""
        return self._make()

    def __len__(self) -> int:
        """Returns the number of the values, without making them."""
        return self._count

    def __contains__(self, value: object) -> bool:
        """Returns whether one of the values equals `value`."""
        return any(each == value for each in self)
