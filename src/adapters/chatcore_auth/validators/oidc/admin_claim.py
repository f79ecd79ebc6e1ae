"""Finds out by a claim whether a user is an administrator."""

from typing import Self, cast

from attrs import frozen


@frozen
class AdminClaim:
    """The claim by which an issuer names administrators.

    Without a value, the claim must be `true`. With a value, the claim must be this text or a list that contains it.
    """

    #: The claim's name, or the path to a claim inside of objects, such as `realm_access.roles`.
    name: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `name` or `name=value`. The value may contain further equals signs, as names of LDAP groups do."""
        name, separator, value = text.partition("=")
        return cls(name, value if separator else None)

    def holds(self, claims: dict[str, object]) -> bool:
        """Returns whether the claims make their user an administrator."""
        claim = self._claim(claims)
        if self.value is None:
            return claim is True
        return claim == self.value or (isinstance(claim, list) and self.value in claim)

    def _claim(self, claims: dict[str, object]) -> object:
        if self.name in claims:
            # The names of some claims are URLs, which have dots.
            return claims[self.name]
        *path, last = self.name.split(".")
        for name in path:
            inner = claims.get(name)
            if not isinstance(inner, dict):
                return None
            claims = cast("dict[str, object]", inner)
        return claims.get(last)
