"""Defines the users of the local auth service."""

from uuid import NAMESPACE_DNS, uuid5

from attrs import frozen


@frozen
class LocalUser:
    """A user as it appears in the auth service's replies."""

    id: str
    email: str
    name: str
    is_admin: bool


def _user(name: str, *, is_admin: bool) -> LocalUser:
    # The id is the same on every machine and in every run, so that users keep their conversations.
    email = f"{name}@chatcore.localhost"
    return LocalUser(str(uuid5(NAMESPACE_DNS, email)), email, name, is_admin)


#: All users, by name.
USERS = {user.name: user for user in (_user("demo", is_admin=False), _user("admin", is_admin=True))}
