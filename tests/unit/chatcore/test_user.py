"""A user has an id that the database can store."""

import pytest

from chatcore import User
from chatcore.errors import InvalidInputError


@pytest.mark.parametrize("user_id", ["x", "x" * 255, "ünïcode", "0"])
def test_an_id_of_up_to_255_characters_is_taken_as_it_is(user_id: str) -> None:
    assert User(id=user_id).id == user_id


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a\x00b", "\ud800"])
def test_an_id_that_cannot_be_stored_is_refused(user_id: str) -> None:
    with pytest.raises(InvalidInputError):
        User(id=user_id)


def test_a_user_is_no_admin_unless_the_auth_service_says_so() -> None:
    assert not User(id="ada").is_admin
