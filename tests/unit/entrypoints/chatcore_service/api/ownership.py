"""Every route of the API by what its path names, and what a request to it sends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from attrs import frozen

RANDOM_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

Document = Mapping[str, Any]
Ids = tuple[str, str]


@frozen
class Row:
    """A route whose path names something that a user owns."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    #: A body that is refused, where the route takes one.
    bad_body: dict[str, Any] | None = None

    @property
    def names_a_reply(self) -> bool:
        """Returns whether the path names a message beside the conversation."""
        return "{message_id}" in self.path

    async def request(
        self, client: httpx.AsyncClient, ids: Ids, headers: dict[str, str], *, bad: bool = False
    ) -> httpx.Response:
        """Asks for a conversation and a reply by their ids."""
        address = self.path.format(conversation_id=ids[0], message_id=ids[1])
        body = self.bad_body if bad else self.body
        return await client.request(self.method, address, json=body, headers=headers)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


_CONVERSATION = "/api/conversations/{conversation_id}"
_REPLY = f"{_CONVERSATION}/messages/{{message_id}}"

#: What somebody owns. A new route of this kind is tested against strangers as soon as it has its row here.
OWNED = (
    Row("GET", _CONVERSATION),
    Row("PUT", _CONVERSATION, {"title": "x"}, {"title": ""}),
    Row("PATCH", _CONVERSATION, {"title": "x"}, {"title": ""}),
    Row("DELETE", _CONVERSATION),
    Row("POST", f"{_CONVERSATION}/fork", None, {"message_id": "x"}),
    Row("POST", f"{_CONVERSATION}/messages", {"content": "x"}, {"content": ""}),
    Row("POST", f"{_CONVERSATION}/regenerate", None, {"temperature": "hot"}),
    Row("GET", f"{_REPLY}/stream"),
    Row("DELETE", _REPLY),
    Row("POST", f"{_REPLY}/stop"),
    Row("POST", f"{_REPLY}/continue", None, {"temperature": "hot"}),
)

#: What names nothing, and shows the caller's own or what is everybody's.
NAMELESS = {
    "GET /api/conversations",
    "POST /api/conversations",
    "GET /api/events",
    "GET /api/changes",
    "DELETE /api/conversations",
    "GET /api/export",
    "GET /api/search",
    "POST /api/import",
    "GET /api/models",
    "POST /api/models/swap",
    "GET /",
    "GET /api/health",
    "GET /api/ready",
    "GET /metrics",
    "GET /openapi.json",
    "GET /docs",
    "GET /console/config",
}

#: Names in paths, queries and headers. A cursor names a place in the caller's own list, `before` one in the
#: conversation that the path names, and `after` one in the sequence of all changes, which says nothing about a user.
NAMES_OF_OWNED = {"conversation_id", "message_id"}
OTHER_NAMES = {
    "limit",
    "offset",
    "cursor",
    "archived",
    "tz",
    "branches",
    "before",
    "after",
    "q",
    "Idempotency-Key",
    "Prefer",
    "Last-Event-ID",
    "X-Confirm",
}


def gaps(document: Document) -> set[str]:
    """Returns the operations of a document that the tables above lack or describe differently."""
    owned = {str(row): row for row in OWNED}
    found = {name for name in owned.keys() | NAMELESS if name not in {route for route, _, _ in _operations(document)}}
    for route, item, operation in _operations(document):
        in_path = set(re.findall(r"{(\w+)}", route))
        found |= in_path - NAMES_OF_OWNED
        found |= _names(document, item, operation) - NAMES_OF_OWNED - OTHER_NAMES
        if route not in (owned if in_path else NAMELESS):
            found.add(route)
        elif in_path:
            found |= _wrong_bodies(owned[route], operation)
    return found


def secured_routes(document: Document) -> list[tuple[str, str]]:
    """Returns the methods and paths of a document that need an authenticated caller."""
    secured = (route for route, _, operation in _operations(document) if operation.get("security") != [])
    return [(method, path) for method, _, path in (route.partition(" ") for route in secured)]


def _wrong_bodies(row: Row, operation: Document) -> set[str]:
    takes_body, needs_body = "requestBody" in operation, operation.get("requestBody", {}).get("required", False)
    is_right = (row.bad_body is not None) is takes_body and (row.body is not None or not needs_body)
    return set() if is_right else {f"{row}: body"}


def _operations(document: Document) -> Iterator[tuple[str, Document, Document]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", item, operation


def _names(document: Document, item: Document, operation: Document) -> set[str]:
    parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
    components = document["components"]["parameters"]
    resolved = (components[p["$ref"].rpartition("/")[2]] if "$ref" in p else p for p in parameters)
    return {parameter["name"] for parameter in resolved}
