"""What the auth service's replies mean.

Everything that is not exactly what was agreed is no answer: nobody is let in on a guess. What may be absent may be
null as well, and means the same.
"""

import math
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, cast

import orjson
from attrs import field, frozen

from chatcore.errors import InvalidInputError
from chatcore.user import User


@frozen
class Vouched:
    """The auth service says whose token it is."""

    user: User


@frozen
class Rejected:
    """The auth service says that the token is not valid, or it has expired since."""


@frozen
class Unusable:
    """There is no answer that could be acted upon."""

    #: A few words for the log; never holds anything of the token or the reply.
    reason: str
    cause: Exception | None = field(default=None, eq=False)
    #: Whether it says that the service is away, whatever the token. What is wrong with the answer to one token does
    #: not: callers choose theirs, and one must not keep out all others.
    is_outage: bool = field(default=False, kw_only=True)


TokenCheck = Vouched | Rejected | Unusable

#: The auth service refuses our own key. No outage, although nobody new gets in: it costs no wait that could be spared,
#: and a firewall in front of the service answers the same to a token that looks like an attack.
OUR_KEY_REFUSED: Final = Unusable("our internal key was refused")


class _NotAsAgreedError(Exception):
    """The reply's shape differs from the contract; the text says where."""


def read_answer(status: int, body: bytes | Unusable) -> TokenCheck:
    """What a reply with this status and this whole body, or what was wrong with the body, says of the token."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Rejected()
    if status == HTTPStatus.FORBIDDEN:
        return OUR_KEY_REFUSED
    if status != HTTPStatus.OK:
        return Unusable(f"status {status}", is_outage=_says_away(status))
    return body if isinstance(body, Unusable) else _check_read(body)


def _says_away(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _check_read(body: bytes) -> TokenCheck:
    try:
        return _check_in(_object(orjson.loads(body), "the reply"))
    except (_NotAsAgreedError, orjson.JSONDecodeError) as error:
        reason = str(error) if isinstance(error, _NotAsAgreedError) else "the reply is not JSON"
        return Unusable(reason, error)


def _check_in(reply: dict[str, object]) -> TokenCheck:
    valid = reply.get("valid")
    if valid is False:
        return Rejected()
    if valid is not True:
        raise _NotAsAgreedError("valid is not a boolean")
    return Vouched(_user(_object(reply.get("user"), "user"), _expiry(reply.get("claims"))))


def _user(fields: dict[str, object], expires_at: datetime | None) -> User:
    user_id = fields.get("id")
    is_admin = fields.get("is_admin")
    if not isinstance(user_id, str):
        raise _NotAsAgreedError("user.id is not text")
    if is_admin is not None and not isinstance(is_admin, bool):
        raise _NotAsAgreedError("user.is_admin is not a boolean")
    try:
        return User(id=user_id, is_admin=is_admin is True, expires_at=expires_at)
    except InvalidInputError as error:
        raise _NotAsAgreedError("user.id cannot be stored") from error


def _expiry(claims: object) -> datetime | None:
    exp = None if claims is None else _object(claims, "claims").get("exp")
    if exp is None:
        return None
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not math.isfinite(exp):
        raise _NotAsAgreedError("claims.exp is not a number")
    try:
        return datetime.fromtimestamp(exp, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise _NotAsAgreedError("claims.exp is not a time") from error


def _object(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _NotAsAgreedError(f"{name} is not an object")
    # JSON object keys are always text.
    return cast("dict[str, object]", value)
