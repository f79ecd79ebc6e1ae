"""Serves list, open and create with Starlette, psycopg and orjson and nothing else: the least that they cost.

Each route runs one plain SQL statement. There are no users, checks, logs, metrics or errors.
"""

import argparse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID, uuid4

import orjson
import uvicorn
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: The user to whom all conversations belong.
USER = "reader"

_LIST = """
select c.id, c.user_id, title, model_tag, created_at, updated_at, is_pinned, is_archived, instructions, head_id,
    message_id as active_reply_id
from conversations as c left join generations as g on g.user_id = c.user_id and g.conversation_id = c.id
where c.user_id = %s order by updated_at desc, c.id desc limit %s
"""
# The first row is the conversation, and the other rows are its messages.
_OPEN = """
(
    select id, null::uuid as conversation_id, null as role, title as content, model_tag, created_at, updated_at,
        null::uuid as parent_id, null as status, null::integer as token_count, null::integer as inference_time_ms,
        null as error, null as finish_reason, null::uuid[] as versions
    from conversations where user_id = %s and id = %s
)
union all (
    select id, conversation_id, role, content, model_tag, created_at, null, parent_id, status, token_count,
        inference_time_ms, error, finish_reason, array[id]
    from messages where user_id = %s and conversation_id = %s order by position
)
"""
_CREATE = """
insert into conversations (user_id, id, title, title_source, model_tag, created_at, updated_at)
values (%s, %s, %s, 'user', 'default', %s, %s)
returning id, user_id, title, model_tag, created_at, updated_at, is_pinned, is_archived, instructions, head_id,
    null::uuid as active_reply_id
"""


async def index(request: Request) -> Response:
    """Lists a page of conversations."""
    limit = int(request.query_params["limit"])
    items = (await _execute(request, _LIST, USER, limit + 1))[:limit]
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        grouped.setdefault(item["updated_at"].date().isoformat(), []).append(item)
    return _json({"items": items, "grouped": grouped, "limit": limit, "offset": 0, "next_cursor": None})


async def show(request: Request) -> Response:
    """Returns a conversation with its messages."""
    id_ = UUID(request.path_params["id"])
    first, *messages = await _execute(request, _OPEN, USER, id_, USER, id_)
    conversation = {name: first[name] for name in ("id", "model_tag", "created_at", "updated_at")}
    return _json({**conversation, "user_id": USER, "title": first["content"], "messages": messages})


async def create(request: Request) -> Response:
    """Creates an empty conversation."""
    title, now = orjson.loads(await request.body())["title"], datetime.now(UTC)
    return _json((await _execute(request, _CREATE, USER, uuid4(), title, now, now))[0], 201)


async def _execute(request: Request, statement: LiteralString, *parameters: object) -> list[dict[str, Any]]:
    async with request.state.pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row, binary=True)
        rows: list[dict[str, Any]] = await (await cursor.execute(statement, parameters)).fetchall()
        return rows


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(document), status_code=status, media_type="application/json")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database-url", required=True)
    options = parser.parse_args()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        """Opens a pool as large as the service's own for requests."""
        prepared = {"autocommit": True, "prepare_threshold": 1}
        async with AsyncConnectionPool(options.database_url, min_size=2, max_size=16, kwargs=prepared) as pool:
            yield {"pool": pool}

    path = "/api/conversations"
    routes = [Route(path, index), Route(path, create, methods=["POST"]), Route(path + "/{id}", show)]
    app = Starlette(routes=routes, lifespan=lifespan)
    uvicorn.run(app, port=options.port, loop="uvloop", http="httptools", ws="none", log_config=None, access_log=False)
