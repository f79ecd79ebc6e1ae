"""A key is shown until the service refuses it and takes another."""

import pytest

from chatcore.key_ring import Key, KeyRing, keys_in


def test_the_first_key_is_shown() -> None:
    assert KeyRing("new,old").current.text == "new"


@pytest.mark.parametrize("text", ["a,b", " a , b ", "a,,b,", ",a,b"])
def test_keys_are_separated_by_commas_and_white_space_is_none_of_them(text: str) -> None:
    assert [key.text for key in keys_in(text)] == ["a", "b"]


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_without_a_key_an_empty_one_is_shown(text: str) -> None:
    ring = KeyRing(text)

    assert ring.current.text == ""
    assert ring.another(ring.current) is None


def test_in_place_of_the_only_key_there_is_no_other() -> None:
    ring = KeyRing("only")

    assert ring.another(ring.current) is None


def test_a_refusal_alone_changes_nothing() -> None:
    ring = KeyRing("new,old")

    for _ in range(3):
        other = ring.another(ring.current)
        assert other is not None
        assert other.text == "old"
    assert ring.current.text == "new"


def test_a_key_that_was_taken_is_shown_from_then_on_and_the_first_is_the_other() -> None:
    ring = KeyRing("new,old")
    old = ring.another(ring.current)
    assert old is not None

    assert ring.take(old)
    assert not ring.take(old)

    assert ring.current.text == "old"
    assert ring.another(ring.current) == Key(1, "new")


def test_refusal_by_refusal_every_other_key_has_its_turn() -> None:
    ring = KeyRing("a,b,c,d")

    tried = [ring.another(ring.current) for _ in range(6)]

    assert [key and key.text for key in tried] == ["b", "c", "d", "b", "c", "d"]


def test_whoever_was_refused_before_another_key_was_taken_tries_that_one() -> None:
    ring = KeyRing("a,b,c")
    refused = ring.current
    _, c = ring.another(refused), ring.another(refused)
    assert c is not None

    ring.take(c)

    assert ring.another(refused) == c


def test_a_key_is_not_shown_by_its_representation() -> None:
    assert "secret" not in repr(keys_in("secret-one,secret-two"))
