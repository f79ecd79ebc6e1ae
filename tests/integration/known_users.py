"""Callers whom the auth service of a test knows; it knows nobody else."""

import time
from collections.abc import Mapping

import orjson

from tests.integration.inference_server import Call, answer

TOKEN_OF_THE_LEAVER = "token-of-leaver"
#: Token -> user.
USERS: Mapping[str, str] = {
    "token-of-alice": "alice",
    "token-of-bob": "bob",
    "token-of-root": "root",
    TOKEN_OF_THE_LEAVER: "leaver",
}
ADMINISTRATORS = frozenset({"root"})

ALICE = {"Authorization": "Bearer token-of-alice"}
BOB = {"Authorization": "Bearer token-of-bob"}
ROOT = {"Authorization": "Bearer token-of-root"}

_TOKEN_LIFE_SECONDS = 3600


async def vouch_for_known_users(call: Call) -> None:
    """Answers requests for ``/auth/validate``."""
    body = call.request.json()
    assert isinstance(body, dict)
    user_id = USERS.get(body["token"])
    if user_id is None:
        await answer(401, b'{"valid":false,"reason":"unknown"}')(call)
        return
    user = {"id": user_id, "is_admin": user_id in ADMINISTRATORS}
    claims = {"sub": user_id, "exp": int(time.time()) + _TOKEN_LIFE_SECONDS}
    await answer(200, orjson.dumps({"valid": True, "user": user, "claims": claims}))(call)
