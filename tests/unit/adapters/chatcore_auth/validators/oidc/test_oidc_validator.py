"""Validating tokens of an issuer: the answers, the calls, and what the log says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import structlog
from tests.oidc_tokens import AUDIENCE, ISSUER, ec_key, rsa_key
from tests.unit.adapters.chatcore_auth.scripted_issuer import ScriptedIssuer

from chatcore.user import User
from chatcore_auth.token_check import Rejected, Unusable, Vouched
from chatcore_auth.validators.oidc.claim_rules import ClaimRules
from chatcore_auth.validators.oidc.issuer import Issuer
from chatcore_auth.validators.oidc.key_cache import KeyCache
from chatcore_auth.validators.oidc.oidc_validator import OidcValidator


@pytest.fixture
def issuer() -> ScriptedIssuer:
    return ScriptedIssuer()


@pytest.fixture
async def validator(issuer: ScriptedIssuer) -> AsyncIterator[OidcValidator]:
    keys = KeyCache(Issuer(ISSUER, transport=issuer.transport).fetch_keys, issuer.clock, wait_seconds=5)
    rules = ClaimRules(issuer=ISSUER, audiences=[AUDIENCE], admin_claim=None, clock=issuer.clock)
    validator = OidcValidator(keys, rules)
    yield validator
    await validator.close()


async def test_a_token_of_the_issuer_vouches_for_its_subject(validator: OidcValidator, issuer: ScriptedIssuer) -> None:
    check = await validator.validate(issuer.token(sub="ann"), None)

    assert isinstance(check, Vouched)
    assert check.user == User(id="ann", expires_at=check.user.expires_at)


async def test_only_a_token_that_could_be_valid_leads_to_a_call(
    validator: OidcValidator, issuer: ScriptedIssuer
) -> None:
    symmetric = issuer.keys[0].sign({}, alg="HS256")

    for token in ("token", "a.b.c", symmetric, issuer.keys[0].sign({}, alg="none")):
        assert await validator.validate(token, None) == Rejected()

    assert issuer.requested == []


async def test_known_keys_need_no_call(validator: OidcValidator, issuer: ScriptedIssuer) -> None:
    for number in range(100):
        assert isinstance(await validator.validate(issuer.token(sub=str(number)), None), Vouched)

    assert len(issuer.requested) == 2


async def test_without_keys_there_is_no_answer(validator: OidcValidator, issuer: ScriptedIssuer) -> None:
    issuer.is_down = True

    assert await validator.validate(issuer.token(), None) == Unusable("status 503 for the discovery document")
    assert await validator.probe() == Unusable("status 503 for the discovery document")


async def test_a_rotated_key_is_found_and_the_old_one_lives_while_it_is_published(
    validator: OidcValidator, issuer: ScriptedIssuer
) -> None:
    old = issuer.token()
    await validator.validate(old, None)

    issuer.keys.insert(0, rsa_key("new"))

    assert isinstance(await validator.validate(issuer.token(), None), Vouched)
    assert isinstance(await validator.validate(old, None), Vouched)
    issuer.is_down = True
    issuer.clock.advance(90)
    assert isinstance(await validator.validate(issuer.token(), None), Vouched)
    assert isinstance(await validator.validate(ec_key("newer").sign({}), None), Unusable)


async def test_the_log_says_at_debug_why_a_token_was_rejected(validator: OidcValidator, issuer: ScriptedIssuer) -> None:
    tokens = {
        "not a signed token of an accepted algorithm and type": "token",
        "signed by an unknown key": ec_key("made up").sign({}),
        "not signed by the issuer": ec_key("made up").sign({}, kid="ec"),
        "Invalid claim: 'aud'": issuer.token(aud="other"),
        "Invalid claim: 'iss'": issuer.token(iss="https://attacker.test"),
        "The token is expired": issuer.token(exp=0),
        "Missing claim: 'sub'": issuer.token(sub=None),
    }
    with structlog.testing.capture_logs() as lines:
        for token in tokens.values():
            assert await validator.validate(token, "trace-1") == Rejected()

    assert lines == [
        {"event": "a token was rejected", "log_level": "debug", "reason": reason, "trace_id": "trace-1"}
        for reason in tokens
    ]
