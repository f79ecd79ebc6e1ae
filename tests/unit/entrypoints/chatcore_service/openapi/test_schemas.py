"""Schemas derived from types and their annotations."""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import pytest
from attrs import field, frozen

from chatcore import Role
from chatcore.input_limits import InputLimits
from chatcore_service.http.fields import Count, Doc, JsonText, Keywords, Rule, storable_text
from chatcore_service.openapi.schemas import Schemas

Text = Annotated[str, Rule(str.strip), storable_text(9)]


@frozen(kw_only=True)
class _Inline:
    takes_other_fields: ClassVar[bool] = True
    x: int


@frozen(kw_only=True)
class PartDocument:
    """A part.

    No more of this is shown.
    """

    id: UUID
    inner: _Inline = field(alias="named")


@frozen(kw_only=True)
class NewPartBody:
    text: Text
    note: Text | None = None


@pytest.mark.parametrize(
    ("type_", "schema"),
    [
        (int, {"type": "integer"}),
        (Count | None, {"type": ["integer", "null"], "minimum": 0}),
        (Text, {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[^\\u0000]*$"}),
        (Annotated[str | None, Doc("Words.")], {"type": ["string", "null"], "description": "Words."}),
        (Role, {"type": "string", "enum": ["user", "assistant", "system"]}),
        (Literal["a"], {"const": "a"}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (Annotated[list[int], Keywords(maxItems=2)], {"type": "array", "items": {"type": "integer"}, "maxItems": 2}),
        (
            dict[date, int],
            {"type": "object", "propertyNames": {"format": "date"}, "additionalProperties": {"type": "integer"}},
        ),
        (
            Annotated[str, JsonText(int | str)],
            {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
            },
        ),
    ],
)
def test_a_type_and_its_annotations_become_a_schema(type_: object, schema: dict[str, Any]) -> None:
    assert Schemas(InputLimits()).of(type_) == schema


def test_a_class_becomes_a_component_and_a_private_class_is_inlined() -> None:
    schemas = Schemas(InputLimits())

    assert schemas.of(PartDocument) == {"$ref": "#/components/schemas/Part"}
    assert schemas.components == {
        "Part": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "named": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
            },
            "required": ["id", "named"],
            "additionalProperties": False,
            "description": "A part.",
        }
    }


def test_a_field_with_a_default_is_not_required() -> None:
    schemas = Schemas(InputLimits())
    schemas.of(NewPartBody)

    assert schemas.components["NewPart"]["required"] == ["text"]
