"""Reads the fields of JSON objects of our own format strictly."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import frozen

from chatcore.errors import FieldProblem, InvalidInputError

_ChoiceT = TypeVar("_ChoiceT", bound=StrEnum)
_ValueT = TypeVar("_ValueT")


@frozen
class Fields:
    """Reads the fields of one object; every method raises InvalidInputError for a value of another type."""

    _values: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, value: object) -> "Fields":
        """Returns the fields of an object, which is the value of a field."""
        if not isinstance(value, dict):
            raise problem(name, "must be an object")
        return cls(cast("dict[str, Any]", value))

    def has(self, name: str) -> bool:
        """Returns whether the field is there and not null."""
        return self._values.get(name) is not None

    def optional(self, read: Callable[[str], _ValueT], name: str) -> _ValueT | None:
        """Returns the result of a method of this object, or None if the field is null or missing."""
        return read(name) if self.has(name) else None

    def text(self, name: str) -> str:
        """Returns a text."""
        value = self._values.get(name)
        if not isinstance(value, str):
            raise problem(name, "must be a text")
        return value

    def whole(self, name: str) -> int:
        """Returns a whole number."""
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise problem(name, "must be a whole number")
        return value

    def flag(self, name: str) -> bool:
        """Returns a truth value."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise problem(name, "must be true or false")
        return value

    def uuid(self, name: str) -> UUID:
        """Returns an id."""
        try:
            return UUID(self.text(name))
        except ValueError:
            raise problem(name, "must be a UUID") from None

    def instant(self, name: str) -> datetime:
        """Returns an instant, in UTC."""
        try:
            instant = datetime.fromisoformat(self.text(name))
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise problem(name, "must be an instant in ISO 8601 with its offset from UTC")

    def choice(self, name: str, choices: type[_ChoiceT]) -> _ChoiceT:
        """Returns one of several names."""
        try:
            return choices(self.text(name))
        except ValueError:
            raise problem(name, f"must be one of {', '.join(choices)}") from None

    def items(self, name: str) -> Sequence[Any]:
        """Returns an array."""
        value = self._values.get(name)
        if not isinstance(value, list):
            raise problem(name, "must be an array")
        return cast("list[object]", value)


def problem(name: str, sentence: str) -> InvalidInputError:
    """Returns the error for a field."""
    return InvalidInputError(FieldProblem(name, sentence))
