"""Derives JSON Schemas (2020-12) from types and their annotations."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import attrs
from attrs import NOTHING, Attribute

from chatcore.input_limits import InputLimits
from chatcore_service.http import media_types
from chatcore_service.http.fields import Doc, JsonText, Keywords, within

Schema = dict[str, Any]

_LEAVES: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    dict: {"type": "object"},
    object: {},
    UUID: {"type": "string", "format": "uuid"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
}


class Schemas:
    """Derives schemas, and collects the schemas of documents and bodies, which refer to each other by name.

    A class whose name begins with an underscore has no name in the OpenAPI document, which repeats the schema at each
    use.
    """

    def __init__(self, limits: InputLimits) -> None:
        self._limits = limits
        #: The collected schemas by name, in the order of their first use.
        self.components: dict[str, Schema] = {}

    def of(self, type_: Any) -> Schema:  # noqa: ANN401 - a type with its annotations
        """Returns the schema of a type."""
        origin, arguments = get_origin(type_), get_args(type_)
        if derive := self._generics.get(origin):
            return derive(arguments)
        if attrs.has(type_):
            return self._of_class(type_)
        if isinstance(type_, type) and issubclass(type_, StrEnum):
            return {"type": "string", "enum": [member.value for member in type_]}
        return dict(_LEAVES[type_])

    @property
    def _generics(self) -> dict[object, Callable[[tuple[Any, ...]], Schema]]:
        return {
            Annotated: self._of_annotated,
            Literal: _of_literal,
            Union: self._of_union,
            UnionType: self._of_union,
            dict: self._of_dict,
            list: self._of_list,
            Sequence: self._of_list,
        }

    def _of_annotated(self, arguments: tuple[Any, ...]) -> Schema:
        base, *annotations = arguments
        schema = self.of(base)
        for annotation in within(self._limits, annotations):
            match annotation:
                case Keywords():
                    schema |= annotation.values
                case Doc():
                    schema["description"] = annotation.text
                case JsonText():
                    schema |= {"contentMediaType": media_types.JSON, "contentSchema": self.of(annotation.type)}
                case _:
                    pass  # The annotation is a rule, whose limits are keywords.
        return schema

    def _of_union(self, arguments: tuple[Any, ...]) -> Schema:
        members = [self.of(argument) for argument in arguments if argument is not type(None)]
        if len(members) == len(arguments):
            return {"oneOf": members}
        (schema,) = members
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        return schema | {"type": [schema["type"], "null"]}

    def _of_dict(self, arguments: tuple[Any, ...]) -> Schema:
        names, values = (self.of(argument) for argument in arguments)
        del names["type"]
        return {"type": "object", "propertyNames": names, "additionalProperties": values}

    def _of_list(self, arguments: tuple[Any, ...]) -> Schema:
        return {"type": "array", "items": self.of(arguments[0])}

    def _of_class(self, type_: type[attrs.AttrsInstance]) -> Schema:
        if type_.__name__.startswith("_"):
            return self._of_fields(type_)
        name = type_.__name__.removesuffix("Document").removesuffix("Body")
        if name not in self.components:
            self.components[name] = {}  # It precedes the classes to which it refers.
            self.components[name] |= self._of_fields(type_)
        return {"$ref": f"#/components/schemas/{name}"}

    def _of_fields(self, type_: type[attrs.AttrsInstance]) -> Schema:
        fields = attrs.fields(type_)
        schema: Schema = {
            "type": "object",
            "properties": {field.alias: self.of(field.type) for field in fields},
            "required": [field.alias for field in fields if is_required(field)],
        }
        # The decoding of a body ignores unknown fields.
        if not type_.__name__.endswith("Body") and not getattr(type_, "takes_other_fields", False):
            schema["additionalProperties"] = False
        if type_.__doc__:
            schema["description"] = first_paragraph(type_.__doc__)
        return schema


def is_required(field: "Attribute[Any]") -> bool:
    """Returns whether a field is required because it has no default."""
    return field.default is NOTHING


def without_none(type_: Any) -> Any:  # noqa: ANN401 - a type with its annotations
    """Returns the type without its None, which stands for a missing value; other types are returned unchanged."""
    arguments = get_args(type_)
    return arguments[0] if type(None) in arguments else type_


def first_paragraph(docstring: str) -> str:
    """Returns the first paragraph of a docstring as one line."""
    return " ".join(docstring.partition("\n\n")[0].split())


def _of_literal(arguments: tuple[Any, ...]) -> Schema:
    return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
