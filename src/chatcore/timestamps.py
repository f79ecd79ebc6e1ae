"""Requires that every instant has a time zone: a naive instant means another time on each machine."""

from datetime import datetime
from typing import Any

from attrs import Attribute

from chatcore.errors import FieldProblem, InvalidInputError


def require_aware(_instance: object, attribute: "Attribute[Any]", value: datetime) -> None:
    """Validates that the instant in an attrs field has a time zone.

    Raises:
        InvalidInputError: `value` has no time zone.
    """
    if value.tzinfo is None:
        raise InvalidInputError(FieldProblem(attribute.name, "must carry a time zone"))
