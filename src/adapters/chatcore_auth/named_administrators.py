"""Makes the users whom the configuration names administrators."""

from collections.abc import Iterable

from attrs import evolve

from chatcore.administrators import Administrators
from chatcore_auth.token_check import TokenCheck, Unusable, Vouched
from chatcore_auth.validators.validator import Validator


class NamedAdministrators(Validator):
    """Makes the named users administrators, besides those whom the validator reports as such.

    Args:
        validator: the validator of the tokens; it is closed together with this one.
        emails: the e-mail addresses of administrators; the case of ASCII letters does not matter. Only name addresses
            that the auth service has verified.
        user_ids: the ids of administrators, exactly as the auth service sends them.
    """

    def __init__(self, validator: Validator, *, emails: Iterable[str] = (), user_ids: Iterable[str] = ()) -> None:
        self.name = validator.name
        self._validator = validator
        self._administrators = Administrators(emails=emails, user_ids=user_ids)

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """Validates `token`, and makes its user an administrator if the user is named."""
        check = await self._validator.validate(token, trace_id)
        if isinstance(check, Vouched) and self._administrators.include(check.user.id, check.email):
            return evolve(check, user=evolve(check.user, is_admin=True))
        return check

    async def probe(self) -> Unusable | None:
        """Probes the validator."""
        return await self._validator.probe()

    async def close(self) -> None:
        """Closes the validator."""
        await self._validator.close()
