"""Tests which key is sent to a service that refuses some of them."""

import pytest

from chatcore.key_ring import Key, KeyRing, keys_in


def test_the_first_key_is_current_at_first() -> None:
    assert KeyRing("new,old").current.text == "new"


@pytest.mark.parametrize("text", ["a,b", " a , b ", "a,,b,", ",a,b"])
def test_keys_are_separated_by_commas_and_white_space_is_ignored(text: str) -> None:
    assert [key.text for key in keys_in(text)] == ["a", "b"]


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_without_keys_the_current_key_is_empty(text: str) -> None:
    ring = KeyRing(text)

    assert ring.current.text == ""
    assert ring.another(ring.current) is None


def test_there_is_no_alternative_to_the_only_key() -> None:
    ring = KeyRing("only")

    assert ring.another(ring.current) is None


def test_a_refusal_alone_does_not_change_the_current_key() -> None:
    ring = KeyRing("new,old")

    for _ in range(3):
        other = ring.another(ring.current)
        assert other is not None
        assert other.text == "old"
    assert ring.current.text == "new"


def test_an_accepted_key_becomes_the_current_one() -> None:
    ring = KeyRing("new,old")
    old = ring.another(ring.current)
    assert old is not None

    assert ring.take(old)
    assert not ring.take(old)

    assert ring.current.text == "old"
    assert ring.another(ring.current) == Key(1, "new")


def test_successive_refusals_try_all_other_keys_in_turn() -> None:
    ring = KeyRing("a,b,c,d")

    tried = [ring.another(ring.current) for _ in range(6)]

    assert [key and key.text for key in tried] == ["b", "c", "d", "b", "c", "d"]


def test_a_late_refusal_tries_the_key_accepted_meanwhile() -> None:
    ring = KeyRing("a,b,c")
    refused = ring.current
    _, c = ring.another(refused), ring.another(refused)
    assert c is not None

    ring.take(c)

    assert ring.another(refused) == c


def test_the_repr_of_a_key_does_not_contain_it() -> None:
    assert "secret" not in repr(keys_in("secret-one,secret-two"))
