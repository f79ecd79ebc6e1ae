"""The OpenAPI document: the reference for all shapes, checked against the running service by the tests."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from chatcore_service.openapi.operations import PATHS
from chatcore_service.openapi.parts import HEADERS, PARAMETERS, PROBLEM_RESPONSES
from chatcore_service.openapi.schemas import SCHEMAS

_DESCRIPTION = """Conversations with a model, whose replies belong to the server and not to the connection that asked
for them. The streams of POST requests carry no event ids: close one, come back to its `Content-Location` with
`?offset=` and the number of code points that you have, and read on. The frames of that stream carry ids, and from then
on `Last-Event-ID` says where you are. All errors are problem documents (RFC 9457)."""


def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1, as plain data."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "chatcore", "version": _version(), "description": " ".join(_DESCRIPTION.split())},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": PATHS,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": SCHEMAS,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": PROBLEM_RESPONSES,
        },
    }


def _version() -> str:
    try:
        return version("chatcore")
    except PackageNotFoundError:
        return "0"
