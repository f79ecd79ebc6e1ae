"""Defines annotations that state a field's limits, rule and meaning beside its type.

Decoding and the OpenAPI document read the same annotations, so each annotation is written once::

    Tag = Annotated[str, Rule(require_tag), storable_text(100)]

The annotations of a field whose limits are settings are made from the limits: see :class:`Limited`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

from attrs import frozen

from chatcore.input_limits import InputLimits

# PostgreSQL can store neither U+0000 nor a lone surrogate, but no string of JSON Schema has a lone surrogate.
_STORABLE = "^[^\\u0000]*$"


@frozen
class Rule:
    """Checks a decoded value by a rule of the core, which raises InvalidInputError and names the field."""

    check: Callable[[Any], object]


@frozen
class Doc:
    """Describes the meaning of a field in one or two sentences."""

    text: str


class Keywords:
    """Adds JSON Schema keywords to those of the type."""

    def __init__(self, **values: object) -> None:
        self.values = values


@frozen
class JsonText:
    """Declares that a string is itself JSON, and the type of its value."""

    type: Any


@frozen
class Limited:
    """Stands for annotations that depend on the limits of this deployment."""

    annotations: Callable[[InputLimits], tuple[object, ...]]


def within(limits: InputLimits, annotations: Iterable[object]) -> Iterator[object]:
    """Yields the annotations, with those that `limits` make of a :class:`Limited` in its place."""
    for annotation in annotations:
        if isinstance(annotation, Limited):
            yield from annotation.annotations(limits)
        else:
            yield annotation


def storable_text(max_chars: int, *, min_chars: int = 1) -> Keywords:
    """Returns the keywords of text of `min_chars` to `max_chars` characters that the storage accepts."""
    return Keywords(minLength=min_chars, maxLength=max_chars, pattern=_STORABLE)


Count = Annotated[int, Keywords(minimum=0)]
Instant = Annotated[datetime, Doc("An instant in UTC, in ISO 8601.")]
