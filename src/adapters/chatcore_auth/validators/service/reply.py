"""Interprets the auth service's replies.

A reply that differs from the contract in any way is Unusable, so that access is refused. An optional field that is
null counts as absent.
"""

import math
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, cast

import orjson

from chatcore.errors import InvalidInputError
from chatcore.user import User
from chatcore_auth.token_check import Rejected, TokenCheck, Unusable, Vouched

#: The answer when the auth service refuses our own key. New tokens are refused, but this is no outage: the refusal
#: comes at once, so the circuit breaker would spare callers no wait. Also, a firewall in front of the service may
#: answer with the same status to a token that looks like an attack.
KEY_REFUSED: Final = Unusable("our internal key was refused", is_our_fault=True)


_MALFORMED_TOKEN = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class _ContractError(Exception):
    """Reports that the reply differs from the contract; the message says where."""


def read_reply(status: int, body: bytes | Unusable) -> TokenCheck:
    """Returns the result for the token that a reply gives.

    Args:
        status: the HTTP status.
        body: the whole body, or the reason why the body cannot be used.
    """
    if status == HTTPStatus.UNAUTHORIZED:
        return Rejected()
    if status == HTTPStatus.FORBIDDEN:
        return KEY_REFUSED
    if status != HTTPStatus.OK:
        is_about_the_token = status in _MALFORMED_TOKEN
        return Unusable(f"status {status}", is_outage=_is_outage(status), is_about_the_token=is_about_the_token)
    return body if isinstance(body, Unusable) else _read_body(body)


def _is_outage(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _read_body(body: bytes) -> TokenCheck:
    try:
        return _token_check(_object(orjson.loads(body), "the reply"))
    except (_ContractError, orjson.JSONDecodeError) as error:
        reason = str(error) if isinstance(error, _ContractError) else "the reply is not JSON"
        return Unusable(reason, error)


def _token_check(reply: dict[str, object]) -> TokenCheck:
    valid = reply.get("valid")
    if valid is False:
        return Rejected()
    if valid is not True:
        raise _ContractError("valid is not a boolean")
    user = _object(reply.get("user"), "user")
    return Vouched(_user(user, _expiry(reply.get("claims"))), email=_email(user))


def _email(user: dict[str, object]) -> str | None:
    # A malformed address names no administrator, which is no reason to refuse its user.
    email = user.get("email")
    return email if isinstance(email, str) else None


def _user(fields: dict[str, object], expires_at: datetime | None) -> User:
    user_id = fields.get("id")
    is_admin = fields.get("is_admin")
    if not isinstance(user_id, str):
        raise _ContractError("user.id is not text")
    if is_admin is not None and not isinstance(is_admin, bool):
        raise _ContractError("user.is_admin is not a boolean")
    try:
        return User(id=user_id, is_admin=is_admin is True, expires_at=expires_at)
    except InvalidInputError as error:
        raise _ContractError("user.id cannot be stored") from error


def _expiry(claims: object) -> datetime | None:
    exp = None if claims is None else _object(claims, "claims").get("exp")
    if exp is None:
        return None
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not math.isfinite(exp):
        raise _ContractError("claims.exp is not a number")
    try:
        return datetime.fromtimestamp(exp, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise _ContractError("claims.exp is not a time") from error


def _object(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _ContractError(f"{name} is not an object")
    # JSON object keys are always text.
    return cast("dict[str, object]", value)
