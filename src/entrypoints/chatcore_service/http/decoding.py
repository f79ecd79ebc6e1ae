"""Decodes JSON bodies and query parameters into attrs classes, strictly by the types of their fields.

The decoding coerces no value. A field's :class:`~chatcore_service.http.fields.Rule` is checked in the same pass, so
that one response names all problems of a request. Unknown fields are ignored, because existing frontends send some.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache, partial
from math import isfinite
from typing import Annotated, Any, Literal, NoReturn, TypeVar, cast, get_args, get_origin
from uuid import UUID

from attrs import AttrsInstance, fields
from cattrs import Converter
from cattrs.errors import AttributeValidationNote, ClassValidationError
from starlette.datastructures import QueryParams

from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.input_limits import InputLimits
from chatcore_service.http.fields import Rule, within
from chatcore_service.http.ids import to_uuid
from chatcore_service.http.strict_json import parse

_TargetT = TypeVar("_TargetT", bound=AttrsInstance)
_Reader = Callable[[Any], object]
_Hook = Callable[[Any, Any], object]

# A number has at most as many digits as PostgreSQL's bigint. Python's own parser also accepts underscores, white space
# and the digits of other scripts.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")


def decode_body(body: bytes, body_type: type[_TargetT], limits: InputLimits) -> _TargetT:
    """Decodes a JSON body, whose fields are within `limits`. A missing body counts as an empty object.

    Raises:
        MalformedJsonError: the body is not JSON.
        InvalidInputError: the body has another shape, or values break rules of the core; the error names each field.
    """
    value: object = parse(body) if body else {}
    if not isinstance(value, dict):
        raise InvalidInputError(FieldProblem("", "The request body must be a JSON object"))
    return _decode(_body_converter(limits), cast("dict[str, object]", value), body_type)


def decode_query(parameters: QueryParams, query_type: type[_TargetT]) -> _TargetT:
    """Decodes the query parameters that `query_type` has as fields, and ignores all other parameters.

    Raises:
        InvalidInputError: a parameter is malformed, breaks a rule of the core or is given twice; the error names each
            such parameter.
    """
    # Each getlist scans all parameters, so that reading a name for each parameter would take quadratic time.
    names = (field.name for field in fields(query_type) if field.name in parameters)
    return _decode(_query_converter, {name: parameters.getlist(name) for name in names}, query_type)


def _decode(converter: Converter, values: Mapping[str, object], target: type[_TargetT]) -> _TargetT:
    try:
        return converter.structure(values, target)
    except ClassValidationError as error:
        raise InvalidInputError(*_problems(error, values)) from error


def _problems(error: ClassValidationError, values: Mapping[str, object]) -> Iterator[FieldProblem]:
    for cause in error.exceptions:
        match cause:
            case InvalidInputError():
                yield from cause.problems
            case KeyError() if _field_of(cause) not in values:
                yield FieldProblem(_field_of(cause), "is required")
            case _WrongValueError():
                yield FieldProblem(_field_of(cause), str(cause))
            case _:
                raise cause  # The cause is a bug in a rule, which is not the caller's fault.


def _field_of(cause: BaseException) -> str:
    notes = (note for note in getattr(cause, "__notes__", ()) if isinstance(note, AttributeValidationNote))
    return next((note.name for note in notes), "")


# -- Values of JSON --------------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    return value if isinstance(value, str) else _refuse("must be a string")


def _id(value: object) -> UUID:
    return to_uuid(_text(value)) or _refuse("must be a UUID")


def _flag(value: object) -> bool:
    return value if isinstance(value, bool) else _refuse("must be true or false")


def _whole(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON has one type of number, so 1.0 is as whole as 1.
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


# -- Values of query parameters, each a list with one item for each occurrence ---------------------------------------


def _once(values: list[str]) -> str:
    return values[0] if len(values) == 1 else _refuse("must be given once")


def _flag_once(values: list[str]) -> bool:
    text = _once(values)
    return text == "true" if text in {"true", "false"} else _refuse("must be true or false")


def _whole_once(values: list[str]) -> int:
    text = _once(values)
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else _refuse("must be a whole number of at most 19 digits")


# -- Converters ------------------------------------------------------------------------------------------------------


class _WrongValueError(Exception):
    """Reports a value of another type than its field's."""


def _refuse(problem: str) -> NoReturn:
    raise _WrongValueError(problem)


def _choice(value: object, *, read: _Reader, choices: Sequence[object]) -> object:
    text = read(value)
    return choices[choices.index(text)] if text in choices else _refuse(f"must be {' or '.join(map(str, choices))}")


def _choices(type_: Any) -> Sequence[object]:  # noqa: ANN401 - a type without its annotations
    """Returns the values of a literal or of an enumeration of texts; returns nothing for other types."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    return tuple(type_) if issubclass(type_, StrEnum) else ()


def _strict_converter(readers: Mapping[Any, _Reader], limits: InputLimits) -> Converter:
    # cattrs' own hooks turn 5 into "5", 1.9 into 1 and "false" into True.
    converter = Converter()
    for type_, reader in readers.items():
        converter.register_structure_hook(type_, _hook(reader))

    def hook_of(type_: object) -> _Hook:
        base, *annotations = get_args(type_)
        choices = _choices(base)
        reader = partial(_choice, read=readers[str], choices=choices) if choices else readers[base]
        for annotation in within(limits, annotations):
            if isinstance(annotation, Rule):
                reader = _checked(reader, annotation)
        return _hook(reader)

    converter.register_structure_hook_factory(_is_annotated, hook_of)
    return converter


def _hook(reader: _Reader) -> _Hook:
    return lambda value, _: reader(value)


def _checked(reader: _Reader, rule: Rule) -> _Reader:
    check = rule.check

    def read(value: object) -> object:
        value = reader(value)
        check(value)
        return value

    return read


def _is_annotated(type_: object) -> bool:
    origin: object = get_origin(type_)
    return origin is Annotated


@cache
def _body_converter(limits: InputLimits) -> Converter:
    return _strict_converter({str: _text, UUID: _id, bool: _flag, int: _whole, float: _number}, limits)


_query_converter = _strict_converter({str: _once, bool: _flag_once, int: _whole_once}, InputLimits())
