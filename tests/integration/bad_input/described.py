"""The operations of the OpenAPI document, so that a new one is tried like all others."""

from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen

from chatcore.input_limits import InputLimits
from chatcore_service.api.all_endpoints import openapi_document

_DOCUMENT = openapi_document(InputLimits())


@frozen(kw_only=True)
class Operation:
    """A method of a path."""

    method: str
    #: With names in braces.
    path: str
    is_secured: bool
    #: The status of a successful response; the lowest if there are several.
    success: int
    #: Schemas of the body's fields; None for an operation without a body.
    fields: Mapping[str, dict[str, Any]] | None
    required: tuple[str, ...] = ()
    #: Schemas of parameters by place and name.
    parameters: Mapping[tuple[str, str], dict[str, Any]] = Factory(dict)
    #: The required parameters of the query; each takes any text.
    valid_query: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def valid_body(self) -> dict[str, Any]:
        """Returns the least that is accepted; all that is ever required is text."""
        return dict.fromkeys(self.required, "x")

    @property
    def text_fields(self) -> dict[str, int]:
        """Returns the body's fields that hold any text, and how long they may be."""
        texts = {name: (self.fields or {})[name] for name in self.fields_of("string")}
        return {name: schema["maxLength"] for name, schema in texts.items() if "maxLength" in schema}

    def fields_of(self, *types: str) -> list[str]:
        """Returns the names of the body's fields of these types."""
        return [name for name, schema in (self.fields or {}).items() if set(types) & set(_types_of(schema))]


def _types_of(schema: dict[str, Any]) -> list[str]:
    types: str | list[str] = schema["type"]
    return [types] if isinstance(types, str) else types


def _operations() -> list[Operation]:
    return [
        _operation(method.upper(), path, item, operation)
        for path, item in _DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def _operation(method: str, path: str, item: dict[str, Any], operation: dict[str, Any]) -> Operation:
    body = operation.get("requestBody")
    # A file has no schema.
    schema = _resolved(body["content"]["application/json"].get("schema", {})) if body else {}
    parameters = [_resolved(p) for p in [*item.get("parameters", []), *operation.get("parameters", [])]]
    return Operation(
        method=method,
        path=path,
        is_secured=operation.get("security") != [],
        success=min((int(status) for status in operation["responses"] if status[0] in "23"), default=200),
        fields=schema.get("properties"),
        required=tuple(schema.get("required", ())),
        parameters={(p["in"], p["name"]): p["schema"] for p in parameters},
        valid_query="&".join(f"{p['name']}=x" for p in parameters if p["in"] == "query" and p.get("required")),
    )


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    _, _, kind, name = part["$ref"].split("/")
    found: dict[str, Any] = _DOCUMENT["components"][kind][name]
    return found


#: All of them.
OPERATIONS = _operations()
SECURED = [operation for operation in OPERATIONS if operation.is_secured]
WITH_BODY = [operation for operation in OPERATIONS if operation.fields is not None]
WITH_IDS = [operation for operation in OPERATIONS if "{" in operation.path]
PATHS = sorted({operation.path for operation in OPERATIONS})


def with_parameter(place: str, name: str | None = None, type_: str | None = None) -> list[tuple[Operation, str]]:
    """Returns the operations that take such a parameter, and its name."""
    return [
        (operation, named)
        for operation in OPERATIONS
        for (where, named), schema in operation.parameters.items()
        if where == place and name in {None, named} and type_ in {None, schema.get("type")}
    ]
