"""What the auth service's replies mean.

Everything that is not exactly what was agreed is no answer: nobody is let in on a guess.
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


Verdict = Vouched | Rejected | Unusable

#: The status with which the auth service refuses our own key.
OUR_KEY_REFUSED: Final = Unusable("our internal key was refused")


class _NotAsAgreedError(Exception):
    """The reply's shape differs from the contract; the text says where."""


def verdict_of(status: int, body: bytes) -> Verdict:
    """What a reply with this status and this whole body says of the token."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Rejected()
    if status == HTTPStatus.FORBIDDEN:
        return OUR_KEY_REFUSED
    if status != HTTPStatus.OK:
        return Unusable(f"status {status}")
    try:
        return _verdict_in(_object(orjson.loads(body), "the reply"))
    except (_NotAsAgreedError, orjson.JSONDecodeError) as error:
        reason = str(error) if isinstance(error, _NotAsAgreedError) else "the reply is not JSON"
        return Unusable(reason, error)


def _verdict_in(reply: dict[str, object]) -> Verdict:
    valid = reply.get("valid")
    if valid is False:
        return Rejected()
    if valid is not True:
        raise _NotAsAgreedError("valid is not a boolean")
    return Vouched(_user(_object(reply.get("user"), "user"), _expiry(_object(reply.get("claims", {}), "claims"))))


def _user(fields: dict[str, object], expires_at: datetime | None) -> User:
    user_id = fields.get("id")
    is_admin = fields.get("is_admin", False)
    if not isinstance(user_id, str):
        raise _NotAsAgreedError("user.id is not text")
    if not isinstance(is_admin, bool):
        raise _NotAsAgreedError("user.is_admin is not a boolean")
    try:
        return User(id=user_id, is_admin=is_admin, expires_at=expires_at)
    except InvalidInputError as error:
        raise _NotAsAgreedError("user.id cannot be stored") from error


def _expiry(claims: dict[str, object]) -> datetime | None:
    if "exp" not in claims:
        return None
    exp = claims["exp"]
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
