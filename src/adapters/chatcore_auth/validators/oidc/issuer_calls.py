"""Makes calls of an OpenID Connect issuer, which fail for stated reasons."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from chatcore_auth.http_client import make_http_client
from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.discovery import UnusableDocumentError

_ResultT = TypeVar("_ResultT")


async def call_issuer(
    call: Callable[[httpx.AsyncClient], Awaitable[_ResultT]],
    *,
    timeout_seconds: float,
    transport: httpx.AsyncBaseTransport | None = None,
) -> _ResultT | Unusable:
    """Returns what `call` returns, or the reason why there is no result; raises nothing that an issuer can cause.

    Args:
        call: fetches documents with the client that it is given.
        timeout_seconds: the longest time for all documents.
        transport: the transport that replaces the network in tests.
    """
    # The documents are fetched every few minutes, so no connection is kept in between.
    client = make_http_client(headers={}, timeout_seconds=timeout_seconds, max_idle_connections=0, transport=transport)
    try:
        async with asyncio.timeout(timeout_seconds), client:
            return await call(client)
    except UnusableDocumentError as error:
        return error.unusable
    except TimeoutError as error:
        return Unusable("no answer in time", error)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Unusable(type(error).__name__, error)
