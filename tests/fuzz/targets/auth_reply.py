"""Fuzzes the reading of auth service replies: only a user in a reply that follows the contract is let in."""

import json

from chatcore_auth.token_check import Rejected, Unusable, Vouched
from chatcore_auth.validators.service.reply import read_reply

_STATUSES = (200, 200, 200, 401, 403, 500, 302, 429)

_REPLIES = (
    b'{"valid":true,"user":{"id":"u","is_admin":true},"claims":{"sub":"u","exp":4102444800}}',
    b'{"valid":true,"user":{"id":"u"}}',
    b'{"valid":false,"reason":"expired"}',
    b'{"valid":1,"user":{"id":"u"}}',
    b'{"valid":true,"user":{"id":5}}',
    b'{"valid":true,"user":{"id":"\\ud800"},"claims":{"exp":1e400}}',
    b'{"valid":true,"user":{"id":"a\\u0000"},"claims":{"exp":-1e300}}',
    b'{"valid":true,"user":null,"claims":[]}',
    b"null",
    b"[" * 300,
    b"<html>",
    b"\xff",
)
SEEDS = tuple(status + reply for reply in _REPLIES for status in (b"\0", b"\3"))


def check(data: bytes) -> None:
    """Reads a reply."""
    status = _STATUSES[data[0] % len(_STATUSES)] if data else 200
    body = data[1:]

    check = read_reply(status, body)

    match check:
        case Vouched(user=user):
            said = json.loads(body)
            assert status == 200
            assert said["valid"] is True
            assert user.id == said["user"]["id"]
            assert user.is_admin is (said["user"].get("is_admin") is True)
            assert user.expires_at is None or user.expires_at.tzinfo is not None
        case Rejected():
            assert status == 401 or json.loads(body)["valid"] is False
        case Unusable(reason=reason):
            assert reason.isascii()
            assert len(reason) < 60
