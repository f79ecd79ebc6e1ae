"""Fuzzes the rules for claims: only claims that name the issuer, the audience and a future expiry let a user in."""

import json

from chatcore_auth.token_check import Vouched
from chatcore_auth.validators.oidc.admin_claim import AdminClaim
from chatcore_auth.validators.oidc.claim_rules import ClaimRules
from chatcore_auth.validators.oidc.json_object import parse_object
from chatcore_memory import FrozenClock

_CLOCK = FrozenClock()
_RULES = ClaimRules(
    issuer="https://a.test", audiences=["chat"], admin_claim=AdminClaim("roles.chat", "admin"), clock=_CLOCK
)
_COMMON = b'"iss":"https://a.test","sub":"ann"'

SEEDS = (
    b"{" + _COMMON + b',"aud":"chat","exp":4102444800}',
    b"{" + _COMMON + b',"aud":["chat","x"],"exp":4102444800.5,"nbf":1,"iat":1,"roles":{"chat":["admin"]}}',
    b"{" + _COMMON + b',"aud":"chat","exp":4102444800,"email":"a@b.test","email_verified":true}',
    b"{" + _COMMON + b',"aud":"chat","exp":1e400}',
    b"{" + _COMMON + b',"aud":"chat","exp":99999999999999999999999999}',
    b"{" + _COMMON + b',"aud":"chat","exp":-1e300}',
    b"{" + _COMMON + b',"aud":"chat","exp":true}',
    b"{" + _COMMON + b',"aud":[["chat"]],"exp":4102444800}',
    b"{" + _COMMON + b',"aud":"chat","exp":4102444800,"sub":"a\\u0000"}',
    b"{" + _COMMON + b',"aud":"chat","exp":4102444800,"nbf":null,"iat":[]}',
    b'{"sub":{}}',
    b"[]",
)


def check(data: bytes) -> None:
    """Checks claims."""
    claims = parse_object(data)
    if claims is None:
        return

    result = _RULES.check(claims)

    if isinstance(result, Vouched):
        said = json.loads(data)
        assert said["iss"] == "https://a.test"
        assert said["aud"] == "chat" or "chat" in said["aud"]
        assert result.user.id == said["sub"]
        assert float(said["exp"]) > _CLOCK.now().timestamp() - 31
        assert result.email is None or said["email_verified"] is True
        assert not result.user.is_admin or "admin" in json.dumps(said)
    else:
        assert 0 < len(result) < 100
