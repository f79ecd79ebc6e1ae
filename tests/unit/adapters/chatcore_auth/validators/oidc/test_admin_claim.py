"""Which claims make a user an administrator."""

from __future__ import annotations

import pytest

from chatcore_auth.validators.oidc.admin_claim import AdminClaim

HOLDS: dict[str, list[dict[str, object]]] = {
    "is_admin": [{"is_admin": True}],
    "groups=admins": [{"groups": ["users", "admins"]}, {"groups": "admins"}],
    "realm_access.roles=chat-admin": [{"realm_access": {"roles": ["chat-admin"]}}],
    "resource.chat.is_admin": [{"resource": {"chat": {"is_admin": True}}}],
    "https://chat.test/roles=admin": [{"https://chat.test/roles": ["admin"]}],
    "groups=cn=admins,dc=test": [{"groups": ["cn=admins,dc=test"]}],
    "groups=/chat/admins": [{"groups": ["/chat/admins"]}],
}

DOES_NOT_HOLD: dict[str, list[dict[str, object]]] = {
    "is_admin": [
        {},
        {"is_admin": False},
        {"is_admin": None},
        {"is_admin": "true"},
        {"is_admin": 1},
        {"is_admin": [True]},
        {"is_admin": {"is_admin": True}},
        {"IS_ADMIN": True},
    ],
    "groups=admins": [
        {},
        {"groups": True},
        {"groups": "Admins"},
        {"groups": "users admins"},
        {"groups": ["admins2", "not-admins"]},
        {"groups": [["admins"]]},
        {"groups": {"admins": True}},
        {"groups=admins": True},
    ],
    "realm_access.roles=chat-admin": [
        {"realm_access": ["chat-admin"]},
        {"realm_access": None},
        {"roles": ["chat-admin"]},
        {"realm_access": {"roles": {"chat-admin": True}}},
    ],
    # A claim whose whole name is the setting hides the path.
    "realm_access.roles=admin": [{"realm_access.roles": ["user"], "realm_access": {"roles": ["admin"]}}],
}


@pytest.mark.parametrize(("text", "claims"), [(text, claims) for text, many in HOLDS.items() for claims in many])
def test_the_claim_makes_an_administrator(text: str, claims: dict[str, object]) -> None:
    assert AdminClaim.parse(text).holds(claims)


@pytest.mark.parametrize(
    ("text", "claims"), [(text, claims) for text, many in DOES_NOT_HOLD.items() for claims in many]
)
def test_anything_else_does_not(text: str, claims: dict[str, object]) -> None:
    assert not AdminClaim.parse(text).holds(claims)
