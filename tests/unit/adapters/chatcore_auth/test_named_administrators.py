"""Tests who becomes an administrator by name."""

import httpx
import pytest
from attrs import evolve
from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock, ScriptedAuthService

from chatcore.user import User
from chatcore_auth import AuthClient, NamedAdministrators, Rejected, TokenCheck, Unusable, Validator, Vouched

ALICE = User(id="alice")


class FixedValidator(Validator):
    """Gives the same answer to every token."""

    name = "the fixed validator"

    def __init__(self, answer: TokenCheck) -> None:
        self.answer = answer
        self.is_closed = False

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        del token, trace_id
        return self.answer

    async def probe(self) -> Unusable | None:
        return self.answer if isinstance(self.answer, Unusable) else None

    async def close(self) -> None:
        self.is_closed = True


async def is_admin(answer: Vouched) -> bool:
    named = NamedAdministrators(
        FixedValidator(answer), emails=["Root@Example.com", "kim@host"], user_ids=["id-1", "ALICE"]
    )
    check = await named.validate("token", None)
    assert isinstance(check, Vouched)
    assert evolve(check.user, is_admin=answer.user.is_admin) == answer.user
    return check.user.is_admin


@pytest.mark.parametrize("email", ["root@example.com", "ROOT@EXAMPLE.COM", "Root@Example.com", " root@example.com "])
async def test_an_email_address_names_an_administrator_in_any_case(email: str) -> None:
    assert await is_admin(Vouched(ALICE, email=email))


@pytest.mark.parametrize(
    "email",
    [None, "", "root@example.co", "root@example.comx", "xroot@example.com", "root", "\N{KELVIN SIGN}im@host", "\ud800"],
)
async def test_no_other_address_does(email: str | None) -> None:
    assert not await is_admin(Vouched(ALICE, email=email))


@pytest.mark.parametrize(("user_id", "expected"), [("id-1", True), ("ID-1", False), ("id-11", False), ("alice", False)])
async def test_a_user_id_names_an_administrator_exactly(user_id: str, expected: bool) -> None:  # noqa: FBT001 - pytest passes arguments by name
    assert await is_admin(Vouched(User(id=user_id))) is expected


async def test_whom_the_validator_calls_an_administrator_stays_one() -> None:
    assert await is_admin(Vouched(User(id="root", is_admin=True)))


@pytest.mark.parametrize("answer", [Rejected(), Unusable("down", is_outage=True)])
async def test_other_answers_are_passed_on(answer: TokenCheck) -> None:
    validator = FixedValidator(answer)
    named = NamedAdministrators(validator, emails=["root@example.com"])

    assert await named.validate("token", None) is answer
    assert await named.probe() is (answer if isinstance(answer, Unusable) else None)
    assert named.name == validator.name
    await named.close()
    assert validator.is_closed


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"id": "u", "email": "root@example.com"}, True),
        ({"id": "u", "email": "ROOT@example.com", "is_admin": False}, True),
        ({"id": "id-1"}, True),
        ({"id": "u", "email": "other@example.com"}, False),
        ({"id": "u", "email": None}, False),
        ({"id": "u", "email": 5}, False),
        ({"id": "u", "email": ["root@example.com"]}, False),
        ({"id": "u", "name": "root@example.com"}, False),
    ],
)
async def test_the_auth_client_takes_the_names(user: dict[str, object], expected: bool) -> None:  # noqa: FBT001 - pytest passes arguments by name
    service = ScriptedAuthService(answer=lambda _: httpx.Response(200, json={"valid": True, "user": user}))
    async with AuthClient(
        "http://auth",
        "key",
        HandSetClock(),
        admin_emails=["root@example.com"],
        admin_user_ids=["id-1"],
        transport=service.transport,
    ) as client:
        assert (await client.authenticate("token")).is_admin is expected
