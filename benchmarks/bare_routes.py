"""What list, open and create cost at least in Starlette: the service's own statements, rows to dicts, and orjson.

No users, no checks, no logs, no figures, no errors: what anybody would write first. It answers the same as the service.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID, uuid4

import orjson
import uvicorn
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chatcore_postgres.statements import conversations

#: The user of everything here; the service learns it from the token.
USER = "reader"

Row = tuple[Any, ...]
Json = dict[str, Any]


class BareRoutes:
    """The three routes over a pool of connections."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Row]]) -> None:
        self._pool = pool

    async def index(self, request: Request) -> Response:
        """A page of the user's conversations."""
        limit = int(request.query_params.get("limit", 50))
        parameters = {"user_id": USER, "limit": limit + 1, "offset": int(request.query_params.get("offset", 0))}
        rows = await self._fetch(conversations.LIST_BY_OFFSET, parameters)
        items = [_conversation(row) for row in rows[:limit]]
        grouped: dict[str, list[Json]] = {}
        for item in items:
            grouped.setdefault(item["updated_at"].date().isoformat(), []).append(item)
        return _json({"items": items, "grouped": grouped, "limit": limit, "offset": 0, "next_cursor": None})

    async def show(self, request: Request) -> Response:
        """A conversation with its messages."""
        id_ = UUID(request.path_params["id"])
        first, *rest = await self._fetch(conversations.OPEN, {"user_id": USER, "conversation_id": id_})
        messages = [_message(id_, row) for row in rest]
        return _json({**_opened(first), "messages": messages})

    async def create(self, request: Request) -> Response:
        """An empty conversation."""
        body = orjson.loads(await request.body())
        now = datetime.now(UTC)
        row = (uuid4(), body["title"], "user", "default", None, now, now)
        names = ("id", "title", "title_source", "model_tag", "head_id", "created_at", "updated_at")
        await self._fetch(conversations.CREATE, {"user_id": USER, **dict(zip(names, row, strict=True))})
        return _json(_conversation(row), 201)

    async def _fetch(self, statement: LiteralString, parameters: dict[str, Any]) -> list[Row]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, parameters, binary=True)
            return await cursor.fetchall()


def _conversation(row: Row) -> Json:
    id_, title, _, model_tag, _, created_at, updated_at = row
    return {
        "id": id_,
        "user_id": USER,
        "title": title,
        "model_tag": model_tag,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def _opened(row: Row) -> Json:
    id_, _, _, _, _, _, _, _, model_tag, _, created_at, title, title_source, head_id, updated_at = row
    return _conversation((id_, title, title_source, model_tag, head_id, created_at, updated_at))


def _message(conversation_id: UUID, row: Row) -> Json:
    id_, parent_id, _, role, content, status, _, token_count, model_tag, time_ms, created_at, *_ = row
    return {
        "id": id_,
        "conversation_id": conversation_id,
        "role": role,
        "content": content,
        "token_count": token_count,
        "model_tag": model_tag,
        "inference_time_ms": time_ms,
        "created_at": created_at,
        "status": status,
        "parent_id": parent_id,
    }


def _json(document: Json, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status_code=status, media_type="application/json")


def application(database_url: str) -> Starlette:
    """The routes, over a pool as the service has it for requests."""
    pool = AsyncConnectionPool[AsyncConnection[Row]](
        database_url, open=False, min_size=2, max_size=16, kwargs={"autocommit": True, "prepare_threshold": 1}
    )

    @asynccontextmanager
    async def opened(_app: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    routes = BareRoutes(pool)
    return Starlette(
        routes=[
            Route("/api/conversations", routes.index),
            Route("/api/conversations", routes.create, methods=["POST"]),
            Route("/api/conversations/{id}", routes.show),
        ],
        lifespan=opened,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database-url", required=True)
    options = parser.parse_args()
    uvicorn.run(
        application(options.database_url),
        port=options.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
