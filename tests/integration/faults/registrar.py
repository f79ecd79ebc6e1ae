"""An auth service that changes its mind, and knows who may ask."""

import asyncio
import time
from math import inf

import orjson
from attrs import Factory, define

from tests.integration.faults.cluster import INTERNAL_KEY, user_of
from tests.integration.inference_server import Call, Script, answer

_LONG = 3600.0


@define(eq=False)
class Registrar:
    """A script for ``/auth/validate``: vouches for every token of the tests but those that have ended."""

    #: Seconds since 1970, by token; an hour for all others.
    expires_at: dict[str, float] = Factory(dict)
    revoked: set[str] = Factory(set)
    #: Whose a token is now, where that has changed.
    now_of: dict[str, str] = Factory(dict)
    #: The internal keys that are taken.
    keys: set[str] = Factory(lambda: {INTERNAL_KEY})
    #: In place of all this, while something is wrong.
    trouble: Script | None = None

    async def __call__(self, call: Call) -> None:
        """Answers as the auth service."""
        await (self.trouble or self._validate)(call)

    async def _validate(self, call: Call) -> None:
        if call.request.headers["x-internal-api-key"] not in self.keys:
            return await answer(403, b"{}")(call)
        body = call.request.json()
        assert isinstance(body, dict)
        token: str = body["token"]
        if token in self.revoked or self.expires_at.get(token, inf) < time.time():
            return await answer(401, b'{"valid":false,"reason":"revoked or expired"}')(call)
        user_id = self.now_of.get(token) or user_of(token)
        claims = {"sub": user_id, "exp": self.expires_at.get(token, time.time() + _LONG)}
        return await answer(200, orjson.dumps({"valid": True, "user": {"id": user_id}, "claims": claims}))(call)


def keyed(script: Script, registrar: Registrar) -> Script:
    """Returns the script, for who shows a key that the registrar takes."""

    async def check(call: Call) -> None:
        is_known = call.request.headers["x-internal-api-key"] in registrar.keys
        await (script if is_known else answer(403, b"{}"))(call)

    return check


async def black_hole(_call: Call) -> None:
    """Reads the request and never answers."""
    await asyncio.Event().wait()
