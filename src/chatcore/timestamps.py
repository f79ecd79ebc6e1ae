"""Requires that every instant has a time zone, and counts the microseconds of instants for cursors.

An instant without a time zone means another time on each machine.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import Attribute

from chatcore.errors import FieldProblem, InvalidInputError

#: The beginning of Unix time.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def require_aware(_instance: object, attribute: "Attribute[Any]", value: datetime) -> None:
    """Validates that the instant in an attrs field has a time zone.

    Raises:
        InvalidInputError: `value` has no time zone.
    """
    if value.tzinfo is None:
        raise InvalidInputError(FieldProblem(attribute.name, "must carry a time zone"))


def to_microseconds(instant: datetime) -> int:
    """Returns the microseconds from the beginning of Unix time to an instant, exactly."""
    return (instant - EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Returns the instant, in UTC, so many microseconds after the beginning of Unix time."""
    return EPOCH + microseconds * _MICROSECOND
