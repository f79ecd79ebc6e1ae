"""Tests how replies of the auth service are interpreted."""

from datetime import UTC, datetime

import orjson
import pytest

from chatcore.user import User
from chatcore_auth.token_check import Rejected, Unusable, Vouched
from chatcore_auth.validators.service.reply import KEY_REFUSED, read_reply


def body(**reply: object) -> bytes:
    return orjson.dumps({"valid": True, "user": {"id": "u"}, "claims": {}, **reply})


def test_a_vouched_user_has_the_id_and_the_expiry_of_the_reply() -> None:
    check = read_reply(200, body(user={"id": "ann", "email": "a@example.com"}, claims={"sub": "ann", "exp": 2e9}))

    assert isinstance(check, Vouched)
    assert check.user.id == "ann"
    assert check.user.expires_at == datetime.fromtimestamp(2e9, UTC)


def test_claims_and_expiry_may_be_absent() -> None:
    check = read_reply(200, b'{"valid":true,"user":{"id":"u"}}')

    assert isinstance(check, Vouched)
    assert check.user.expires_at is None


@pytest.mark.parametrize(
    "content",
    [
        body(user={"id": "u", "is_admin": None, "email": None, "name": None}),
        body(claims=None),
        body(claims={"sub": None, "exp": None}),
        body(user={"id": "u", "is_admin": None}, claims=None),
    ],
)
def test_an_optional_field_that_is_null_counts_as_absent(content: bytes) -> None:
    assert read_reply(200, content) == Vouched(User(id="u", is_admin=False, expires_at=None))


@pytest.mark.parametrize(
    ("exp", "expected"),
    [
        (1_800_000_000, datetime(2027, 1, 15, 8, tzinfo=UTC)),
        (1_800_000_000.25, datetime(2027, 1, 15, 8, 0, 0, 250_000, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-0.5, datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)),
        (253_402_300_799, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_any_number_that_is_a_valid_time_is_an_expiry(exp: float, expected: datetime) -> None:
    check = read_reply(200, body(claims={"exp": exp}))

    assert isinstance(check, Vouched)
    assert check.user.expires_at == expected


@pytest.mark.parametrize(
    ("fields", "expected"), [({}, False), ({"is_admin": False}, False), ({"is_admin": True}, True)]
)
def test_only_true_makes_an_admin(fields: dict[str, object], *, expected: bool) -> None:
    check = read_reply(200, body(user={"id": "u", **fields}))

    assert isinstance(check, Vouched)
    assert check.user.is_admin is expected


@pytest.mark.parametrize("user_id", ["x", "x" * 255, "ünïcode", "7f9c0f0e-8c5b-4b5a-9c55-2a5b0f1f4b11"])
def test_any_storable_text_of_up_to_255_characters_is_an_id(user_id: str) -> None:
    check = read_reply(200, body(user={"id": user_id}))

    assert isinstance(check, Vouched)
    assert check.user.id == user_id


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"valid":false,"reason":"expired"}', b"\xff"])
def test_401_rejects_whatever_the_body(content: bytes) -> None:
    assert read_reply(401, content) == Rejected()


def test_200_with_valid_false_rejects() -> None:
    assert read_reply(200, b'{"valid":false,"user":{"id":"u"}}') == Rejected()


def test_403_means_that_our_own_key_was_refused() -> None:
    assert read_reply(403, b'{"valid":false}') is KEY_REFUSED


def test_any_other_status_is_unusable_even_with_a_valid_body() -> None:
    statuses = (201, 202, 204, 206, 301, 302, 307, 308, 400, 404, 405, 409, 422, 429, 500, 502, 503, 504)

    assert [status for status in statuses if not isinstance(read_reply(status, body()), Unusable)] == []


UNUSABLE_BODIES = (
    b"",
    b"null",
    b"true",
    b'"valid"',
    b"[]",
    b"{}",
    b"<html></html>",
    b"\xff\xfe",
    b'{"valid":true',
    b'{"valid":true}',
    b'{"valid":NaN,"user":{"id":"u"}}',
    b"[" * 100_000,
    b'{"valid":true,"user":{"id":"\\ud800"}}',
    body(valid=None),
    body(valid=1),
    body(valid=0),
    body(valid="true"),
    body(valid="false"),
    body(valid=[True]),
    body(user=None),
    body(user=[]),
    body(user="u"),
    body(user={}),
    body(user={"id": None}),
    body(user={"id": 7}),
    body(user={"id": True}),
    body(user={"id": ["u"]}),
    body(user={"id": ""}),
    body(user={"id": "x" * 256}),
    body(user={"id": "nul\x00"}),
    body(user={"id": "u", "is_admin": 1}),
    body(user={"id": "u", "is_admin": 0}),
    body(user={"id": "u", "is_admin": ""}),
    body(user={"id": "u", "is_admin": []}),
    body(user={"id": "u", "is_admin": "true"}),
    body(claims=[]),
    body(claims=False),
    body(claims=""),
    body(claims={"exp": True}),
    body(claims={"exp": False}),
    body(claims={"exp": ""}),
    body(claims={"exp": {}}),
    body(claims={"exp": "2000000000"}),
    body(claims={"exp": 1e300}),
    body(claims={"exp": -1e300}),
    body(claims={"exp": -62_135_596_801}),
    body(claims={"exp": 253_402_300_800}),
    body(claims={"exp": 2**64 - 1}),
    body(claims={"exp": 1_800_000_000_000}),
    b'{"valid":true,"user":{"id":"u"},"claims":{"exp":1e400}}',
    b'{"valid":true,"user":{"id":"u"},"claims":{"exp":' + b"9" * 5000 + b"}}",
)


def test_200_that_differs_from_the_contract_is_unusable() -> None:
    assert [content for content in UNUSABLE_BODIES if not isinstance(read_reply(200, content), Unusable)] == []


def test_the_reason_for_the_log_contains_nothing_of_the_reply() -> None:
    check = read_reply(200, body(user={"id": "canary" * 100}, canary="canary"))

    assert isinstance(check, Unusable)
    assert "canary" not in check.reason
