"""The bodies that callers send, and how JSON becomes one of them: by its types, never by coercion.

Each field's type stands for the core's rule about it as well, so that one look finds all that is wrong with a body.
"""

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import NewType, NoReturn, TypeVar, cast

from attrs import frozen
from cattrs import Converter
from cattrs.errors import AttributeValidationNote, ClassValidationError, ForbiddenExtraKeysError

from chatcore import Sampling
from chatcore.conversations.conversation import require_model_tag, require_title
from chatcore.conversations.message import require_content
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore_service.http.strict_json import parse

Content = NewType("Content", str)
Title = NewType("Title", str)
ModelTag = NewType("ModelTag", str)
Temperature = NewType("Temperature", float)
MaxTokens = NewType("MaxTokens", int)
TopK = NewType("TopK", int)


@frozen(kw_only=True)
class NewConversationBody:
    """``POST /api/conversations``."""

    title: Title | None = None
    model_tag: ModelTag | None = None


@frozen(kw_only=True)
class RenameBody:
    """``PUT /api/conversations/{id}``."""

    title: Title


@frozen(kw_only=True)
class SamplingBody:
    """The dials that whoever asks for a reply may turn."""

    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    top_k: TopK | None = None

    def sampling(self, defaults: Sampling) -> Sampling:
        """How the reply is to be sampled."""
        return Sampling(
            temperature=defaults.temperature if self.temperature is None else self.temperature,
            max_tokens=defaults.max_tokens if self.max_tokens is None else self.max_tokens,
            top_k=defaults.top_k if self.top_k is None else self.top_k,
        )


@frozen(kw_only=True)
class RegenerateBody(SamplingBody):
    """``POST /api/conversations/{id}/regenerate``."""


@frozen(kw_only=True)
class SendBody(SamplingBody):
    """``POST /api/conversations/{id}/messages``."""

    content: Content


@frozen(kw_only=True)
class SwapBody:
    """``POST /api/models/swap``."""

    model_tag: ModelTag


BodyT = TypeVar("BodyT")


def structure(body: bytes, body_type: type[BodyT]) -> BodyT:
    """Makes JSON an instance of `body_type`. No body at all is an object without fields.

    Raises:
        MalformedJsonError: it is not JSON.
        InvalidInputError: it has another shape, or values break rules of the core; names each field.
    """
    value: object = parse(body) if body else {}
    if not isinstance(value, dict):
        raise InvalidInputError(FieldProblem("", "The request body must be a JSON object"))
    try:
        return _converter.structure(cast("dict[str, object]", value), body_type)
    except ClassValidationError as error:
        raise InvalidInputError(*_problems(error)) from error


def _problems(error: ClassValidationError) -> Iterator[FieldProblem]:
    for cause in error.exceptions:
        match cause:
            case ForbiddenExtraKeysError():
                yield from (FieldProblem(name, "is not a known field") for name in sorted(cause.extra_fields))
            case InvalidInputError():
                yield from cause.problems
            case KeyError():
                yield FieldProblem(_field_of(cause), "is required")
            case _:
                yield FieldProblem(_field_of(cause), str(cause))


def _field_of(cause: BaseException) -> str:
    notes = (note for note in getattr(cause, "__notes__", ()) if isinstance(note, AttributeValidationNote))
    return next((note.name for note in notes), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else _refuse("must be a string")


def _whole(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON knows only numbers: 1.0 is as whole as 1.
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse("must be a whole number")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _fits_a_float(value):
        _refuse("must be a number")
    return float(value)


def _fits_a_float(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _refuse(problem: str) -> NoReturn:
    raise ValueError(problem)


_Read = Callable[[object], object]

_FIELDS: Mapping[object, _Read] = {
    Content: lambda value: require_content(_text(value)),
    Title: lambda value: require_title(_text(value)),
    ModelTag: lambda value: require_model_tag(_text(value)),
    Temperature: lambda value: Sampling(temperature=_number(value)).temperature,
    MaxTokens: lambda value: Sampling(max_tokens=_whole(value)).max_tokens,
    TopK: lambda value: Sampling(top_k=_whole(value)).top_k,
}


def _strict_converter() -> Converter:
    # By themselves cattrs' hooks make "5" of 5, 1 of 1.9 and True of "false".
    converter = Converter(forbid_extra_keys=True)
    for field_type, read in _FIELDS.items():
        converter.register_structure_hook(field_type, _hook(read))
    return converter


def _hook(read: _Read) -> Callable[[object, object], object]:
    return lambda value, _: read(value)


_converter = _strict_converter()
