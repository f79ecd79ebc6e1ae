"""The service that all these tests strike, as an administrator sees it."""

import json
from collections.abc import Iterable
from typing import Any

import psycopg
from attrs import frozen

from tests.integration.bad_input.described import Operation
from tests.integration.bad_input.wire import Answer, Header, answer_to, request
from tests.integration.entrypoints.chatcore_service.api.stored_rows import all_rows
from tests.integration.known_users import ROOT

TOKEN: list[Header] = list(ROOT.items())
JSON: list[Header] = [*TOKEN, ("content-type", "application/json")]


@frozen(kw_only=True)
class Service:
    """Where it listens, what the caller has there, and what is stored."""

    base_url: str
    conversation: str
    reply: str
    connection: psycopg.AsyncConnection

    async def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Returns all rows of all users."""
        return await all_rows(self.connection)

    def target(self, operation: Operation, **ids: str) -> str:
        """Returns the operation's path, with the caller's own ids or others."""
        own = {"conversation_id": self.conversation, "message_id": self.reply}
        return operation.path.format(**(own | ids))

    def with_query(self, operation: Operation, query: str = "") -> str:
        """Returns the operation's path with what its query must have, and more."""
        whole = "&".join(filter(None, (operation.valid_query, query)))
        return f"{self.target(operation)}?{whole}" if whole else self.target(operation)

    async def call(
        self,
        operation: Operation,
        headers: Iterable[Header],
        *,
        body: bytes | None = None,
        target: str | bytes | None = None,
        is_with_type: bool = True,
    ) -> Answer:
        """Sends the operation's least valid request with this exchanged; the one answer to it."""
        content = _valid(operation) if body is None else body
        lines = list(headers)
        if content and is_with_type:
            lines.append(("content-type", "application/json"))
        data = request(operation.method, target or self.with_query(operation), lines, content)
        return await answer_to(self.base_url, data, method=operation.method)


def _valid(operation: Operation) -> bytes:
    return b"" if operation.fields is None else json.dumps(operation.valid_body).encode()


def with_member(operation: Operation, member: bytes, *, in_place_of: Iterable[str] = ()) -> bytes:
    """Returns the least valid body with one more member, or with others taken out."""
    kept: dict[str, Any] = {name: value for name, value in operation.valid_body.items() if name not in set(in_place_of)}
    members = [member, *(json.dumps({name: value})[1:-1].encode() for name, value in kept.items())]
    return b"{" + b",".join(members) + b"}"
