"""The bodies that callers send, and how JSON becomes one of them: by its types, never by coercion."""

from collections.abc import Iterator
from math import isfinite
from typing import Any, NoReturn, TypeVar, cast

from attrs import frozen
from cattrs import Converter
from cattrs.errors import AttributeValidationNote, ClassValidationError, ForbiddenExtraKeysError

from chatcore import Sampling
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore_service.http.strict_json import parse


@frozen(kw_only=True)
class NewConversationBody:
    """``POST /api/conversations``."""

    title: str | None = None
    model_tag: str | None = None


@frozen(kw_only=True)
class RenameBody:
    """``PUT /api/conversations/{id}``."""

    title: str


@frozen(kw_only=True)
class RegenerateBody:
    """``POST /api/conversations/{id}/regenerate``."""

    temperature: float | None = None
    max_tokens: int | None = None
    top_k: int | None = None

    def sampling(self, defaults: Sampling) -> Sampling:
        """How the reply is to be sampled.

        Raises:
            InvalidInputError: a value is out of its range.
        """
        return Sampling(
            temperature=defaults.temperature if self.temperature is None else self.temperature,
            max_tokens=defaults.max_tokens if self.max_tokens is None else self.max_tokens,
            top_k=defaults.top_k if self.top_k is None else self.top_k,
        )


@frozen(kw_only=True)
class SendBody(RegenerateBody):
    """``POST /api/conversations/{id}/messages``."""

    content: str


@frozen(kw_only=True)
class SwapBody:
    """``POST /api/models/swap``."""

    model_tag: str


BodyT = TypeVar("BodyT")


def structure(body: bytes, body_type: type[BodyT]) -> BodyT:
    """Makes JSON an instance of `body_type`. No body at all is an object without fields.

    Raises:
        MalformedJsonError: it is not JSON.
        InvalidInputError: it has another shape; names each field.
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
        if isinstance(cause, ForbiddenExtraKeysError):
            yield from (FieldProblem(name, "is not a known field") for name in sorted(cause.extra_fields))
        else:
            yield FieldProblem(_field_of(cause), _problem_of(cause))


def _field_of(cause: BaseException) -> str:
    notes = (note for note in getattr(cause, "__notes__", ()) if isinstance(note, AttributeValidationNote))
    return next((note.name for note in notes), "")


def _problem_of(cause: BaseException) -> str:
    return "is required" if isinstance(cause, KeyError) else str(cause)


def _text(value: Any, _: Any) -> str:  # noqa: ANN401 - JSON can hold anything
    return value if isinstance(value, str) else _refuse("must be a string")


def _whole(value: Any, _: Any) -> int:  # noqa: ANN401 - JSON can hold anything
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse("must be a whole number")
    return value


def _number(value: Any, _: Any) -> float:  # noqa: ANN401 - JSON can hold anything
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


def _strict_converter() -> Converter:
    # By themselves cattrs' hooks make "5" of 5, 1 of 1.9 and True of "false".
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook(float, _number)
    return converter


_converter = _strict_converter()
