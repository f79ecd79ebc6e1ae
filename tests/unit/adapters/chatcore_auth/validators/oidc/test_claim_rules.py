"""Which claims let a user in, and what they say about the user."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.oidc_tokens import AUDIENCE, ISSUER, claims_at

from chatcore_auth.token_check import Vouched
from chatcore_auth.validators.oidc.admin_claim import AdminClaim
from chatcore_auth.validators.oidc.claim_rules import ClaimRules
from chatcore_memory import FrozenClock

CLOCK = FrozenClock()
NOW = CLOCK.now().timestamp()
RULES = ClaimRules(
    issuer=ISSUER, audiences=[AUDIENCE, "mobile"], admin_claim=AdminClaim.parse("roles=admin"), clock=CLOCK
)


def user_of(**claims: object) -> Vouched:
    check = RULES.check(claims_at(NOW, **claims))
    assert isinstance(check, Vouched)
    return check


def test_the_user_has_the_subject_as_id_and_the_expiry_of_the_token() -> None:
    user = user_of(sub="ann", exp=NOW + 60).user

    assert (user.id, user.is_admin) == ("ann", False)
    assert user.expires_at == CLOCK.now() + timedelta(seconds=60)


def test_the_claim_names_administrators() -> None:
    assert user_of(roles=["admin"]).user.is_admin
    assert not user_of(roles=["user"], is_admin=True).user.is_admin


def test_without_a_setting_no_claim_names_administrators() -> None:
    rules = ClaimRules(issuer=ISSUER, audiences=[AUDIENCE], admin_claim=None, clock=CLOCK)

    check = rules.check(claims_at(NOW, is_admin=True, roles=["admin"]))

    assert isinstance(check, Vouched)
    assert not check.user.is_admin


def test_an_email_address_counts_if_the_issuer_has_verified_it() -> None:
    assert user_of(email="a@b.test", email_verified=True).email == "a@b.test"


@pytest.mark.parametrize("verified", [None, False, "true", 1, ["a@b.test"]])
def test_an_email_address_that_is_not_verified_does_not_count(verified: object) -> None:
    assert user_of(email="a@b.test", email_verified=verified).email is None


@pytest.mark.parametrize("email", [None, 7, ["a@b.test"], {}])
def test_a_malformed_email_address_names_nobody(email: object) -> None:
    assert user_of(email=email, email_verified=True).email is None


ACCEPTED: dict[str, dict[str, object]] = {
    "one of several audiences": {"aud": ["account", AUDIENCE]},
    "the other audience": {"aud": "mobile"},
    "an expiry within the skew": {"exp": NOW - 29},
    "a beginning within the skew": {"nbf": NOW + 30},
    "issued within the skew": {"iat": NOW + 30},
    "no time of issue": {"iat": None},
    "fractions of seconds": {"exp": NOW + 1.5, "nbf": NOW - 0.5},
    "claims that nobody knows": {"jti": 7, "azp": ["x"], "scope": None},
}


@pytest.mark.parametrize("claims", ACCEPTED.values(), ids=ACCEPTED)
def test_these_claims_let_the_user_in(claims: dict[str, object]) -> None:
    assert user_of(**claims).user.id == "ann"


REFUSED: dict[str, dict[str, object]] = {
    "no issuer": {"iss": None},
    "another issuer": {"iss": "https://attacker.test"},
    "the issuer with a slash": {"iss": f"{ISSUER}/"},
    "the issuer in upper case": {"iss": ISSUER.upper()},
    "a list of issuers": {"iss": [ISSUER]},
    "no audience": {"aud": None},
    "another audience": {"aud": "other-api"},
    "a part of the audience": {"aud": AUDIENCE[:-1]},
    "only other audiences": {"aud": ["account", "other-api"]},
    "an empty list of audiences": {"aud": []},
    "an audience in a list in a list": {"aud": [[AUDIENCE]]},
    "an audience among numbers": {"aud": [AUDIENCE, 7]},
    "an audience as a key": {"aud": {AUDIENCE: True}},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 7},
    "a subject that is a list": {"sub": ["ann"]},
    "a subject of 256 characters": {"sub": "a" * 256},
    "a subject that cannot be stored": {"sub": "a\0"},
    "no expiry": {"exp": None},
    "expired": {"exp": NOW - 30},
    "expired long ago": {"exp": 0},
    "a negative expiry": {"exp": -1e300},
    "an expiry that is a text": {"exp": str(NOW + 60)},
    "an expiry that is true": {"exp": True},
    "an expiry in milliseconds": {"exp": NOW * 1000},
    "an expiry beyond all times": {"exp": 1e300},
    "an expiry of 100 digits": {"exp": 10**100},
    "an infinite expiry": {"exp": float("inf")},
    "an expiry that is no number": {"exp": float("nan")},
    "not yet valid": {"nbf": NOW + 31},
    "a beginning that is a text": {"nbf": str(NOW)},
    "issued in the future": {"iat": NOW + 31},
    "issued at a text": {"iat": "now"},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED)
def test_these_claims_let_nobody_in(claims: dict[str, object]) -> None:
    reason = RULES.check(claims_at(NOW, **claims))

    assert isinstance(reason, str)
    assert 0 < len(reason) < 100
    assert "attacker" not in reason


@pytest.mark.parametrize("name", ["exp", "nbf", "iat", "iss", "aud", "sub"])
def test_a_claim_that_is_null_lets_nobody_in(name: str) -> None:
    assert isinstance(RULES.check({**claims_at(NOW), name: None}), str)
