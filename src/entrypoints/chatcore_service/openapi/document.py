"""Makes the OpenAPI document of endpoint classes, which describes every request and response."""

import re
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast
from uuid import UUID

import attrs

from chatcore.input_limits import InputLimits
from chatcore_service.http.endpoints import EndpointsType, PublicEndpoints, operations
from chatcore_service.http.media_types import JSON, NDJSON
from chatcore_service.http.operation import DocumentedResponse, Operation, Parameter
from chatcore_service.http.security_scheme import SecurityScheme
from chatcore_service.openapi.problem_codes import problem_codes
from chatcore_service.openapi.problem_responses import (
    component_name,
    problem_response,
    problem_statuses,
)
from chatcore_service.openapi.response_headers import RESPONSE_HEADERS, header_name
from chatcore_service.openapi.schemas import Schema, Schemas, first_paragraph, is_required, without_none

_DESCRIPTION = """Conversations with a model. A reply belongs to the server, not to the connection that asked for it.
The streams of POST requests carry no event ids: after a lost connection, request the stream's `Content-Location` with
`?offset=` and the number of code points received so far. The events of that stream carry ids, and `Last-Event-ID`
resumes it. All errors are problem documents (RFC 9457)."""


def describe(
    endpoints: Iterable[EndpointsType], limits: InputLimits, security_schemes: Sequence[SecurityScheme]
) -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of endpoint classes as plain data.

    Args:
        endpoints: the classes.
        limits: the limits on fields.
        security_schemes: what a request to a secured operation needs; it needs all of them.
    """
    description = _Description(limits, security_schemes)
    for group in endpoints:
        for operation, handler in operations(group):
            description.add(operation, handler, is_public=issubclass(group, PublicEndpoints))
    return {
        "openapi": "3.1.0",
        "info": {"title": "chatcore", "version": _version(), "description": " ".join(_DESCRIPTION.split())},
        "servers": [{"url": "/"}],
        "security": [{scheme.id: [] for scheme in security_schemes}],
        "paths": description.paths,
        "components": description.components(),
    }


# A file of another shape is refused; what is in it is up to the parts that it is read in.
_FILES: dict[str, Schema] = {JSON: {"schema": {"type": "array", "items": {}}}, NDJSON: {}}


class _Description:
    """Collects paths, and the components to which the paths refer."""

    def __init__(self, limits: InputLimits, security_schemes: Sequence[SecurityScheme]) -> None:
        self._security_schemes = security_schemes
        self.paths: dict[str, Schema] = {}
        self._schemas = Schemas(limits)
        self._parameters: dict[str, Schema] = {}
        self._problems: set[int] = set()

    def components(self) -> dict[str, Schema]:
        """Returns all components to which operations refer."""
        responses = {
            component_name(status): self._response(problem_response(status)) for status in sorted(self._problems)
        }
        schemas = self._schemas.components
        codes = [{"const": code, "description": meaning} for code, meaning in problem_codes().items()]
        schemas["Problem"]["properties"]["code"]["oneOf"] = codes
        return {
            "securitySchemes": {scheme.id: scheme.described() for scheme in self._security_schemes},
            "schemas": schemas,
            "parameters": self._parameters,
            "headers": {name: self._header(*header) for name, header in RESPONSE_HEADERS.items()},
            "responses": responses,
        }

    def add(self, operation: Operation, handler: Callable[..., object], *, is_public: bool) -> None:
        """Adds an operation. The first paragraph of its handler's docstring becomes its summary."""
        described: Schema = {
            "operationId": operation.id,
            "summary": first_paragraph(handler.__doc__ or "").removesuffix("."),
            "responses": self._responses(operation, is_public=is_public),
        }
        if operation.query or operation.parameters:
            described["parameters"] = [*self._query(operation.query), *map(self._parameter, operation.parameters)]
        if operation.body:
            described["requestBody"] = self._body(operation.body)
        if operation.upload:
            described["requestBody"] = {
                "required": True,
                "content": {type_: _FILES[type_] for type_ in operation.upload},
            }
        if is_public:
            described["security"] = []
        item = self.paths.setdefault(operation.path, self._path_parameters(operation.path))
        item[operation.method.lower()] = described

    def _path_parameters(self, path: str) -> Schema:
        names = re.findall(r"{(\w+)}", path)
        for name in names:
            self._parameters[name] = {"in": "path", "name": name, "required": True, "schema": self._schemas.of(UUID)}
        return {"parameters": [_reference("parameters", name) for name in names]} if names else {}

    def _query(self, query: type | None) -> list[Schema]:
        if query is None:
            return []
        fields = attrs.fields(cast("type[attrs.AttrsInstance]", query))
        # The parameters stand in their operation, because parameters of other operations may have the same names.
        return [
            self._described(Parameter("query", field.name, without_none(field.type), default=field.default))
            for field in fields
        ]

    def _parameter(self, parameter: Parameter) -> Schema:
        name = parameter.component or parameter.name
        described = self._described(parameter)
        if self._parameters.setdefault(name, described) != described:
            raise ValueError(f"two different parameters are called {name}")
        return _reference("parameters", name)

    def _described(self, parameter: Parameter) -> Schema:
        schema = self._schemas.of(parameter.type)
        described: Schema = {"in": parameter.place, "name": parameter.name, "schema": schema}
        if parameter.is_required:
            described["required"] = True
        if "description" in schema:
            described["description"] = schema.pop("description")
        if parameter.default is attrs.NOTHING:
            described["required"] = True
        elif parameter.default is not None:
            schema["default"] = parameter.default
        return described

    def _body(self, body: type) -> Schema:
        fields = attrs.fields(cast("type[attrs.AttrsInstance]", body))
        return {
            "required": any(is_required(field) for field in fields),
            "content": {JSON: {"schema": self._schemas.of(body)}},
        }

    def _responses(self, operation: Operation, *, is_public: bool) -> dict[str, Schema]:
        statuses = list(problem_statuses(operation, is_public=is_public))
        self._problems.update(statuses)
        responses = {str(status): _reference("responses", component_name(status)) for status in statuses}
        responses |= {_key(response): self._response(response) for response in operation.responses}
        return dict(sorted(responses.items()))

    def _response(self, response: DocumentedResponse) -> Schema:
        described: Schema = {"description": " ".join(response.description.split())}
        if response.headers is not None:
            names = ("x-trace-id", *response.headers)
            described["headers"] = {header_name(name): _reference("headers", name) for name in names}
        if response.content:
            described["content"] = {
                media_type: {} if type_ is None else {"schema": self._schemas.of(type_)}
                for media_type, type_ in response.content.items()
            }
        if response.links:
            described["links"] = {
                name: {
                    "operationId": link.operation_id,
                    "parameters": dict(link.parameters),
                    "description": link.description,
                }
                for name, link in response.links.items()
            }
        return described

    def _header(self, type_: Any, description: str) -> Schema:  # noqa: ANN401 - a type with its annotations
        schema = {"schema": self._schemas.of(type_)}
        return schema | ({"description": description} if description else {})


def _reference(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


def _key(response: DocumentedResponse) -> str:
    return "default" if response.status is None else str(response.status)


def _version() -> str:
    try:
        return version("chatcore")
    except PackageNotFoundError:
        return "0"
