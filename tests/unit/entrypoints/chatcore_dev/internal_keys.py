"""Provides internal keys, right and wrong ones, and requests that carry them to a local service's application."""

import httpx
from starlette.applications import Starlette

NEW, OLD = "new-internal-key", "old-internal-key"
BOTH = f"{NEW}, {OLD}"

RIGHT = [NEW, OLD]
WRONG = ["", NEW[:-1], NEW + "x", BOTH, f"{NEW},{OLD}", ",", "ü"]


async def status_of(app: Starlette, method: str, path: str, key: str, *, body: bytes = b"") -> int:
    """Sends a request with `key` and returns the status of the response."""
    headers = {b"X-Internal-API-Key": key.encode()}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://local") as client:
        return (await client.request(method, path, headers=headers, content=body)).status_code
