"""Idempotency keys, and the fingerprints of their requests."""

import pytest

from chatcore.errors import InvalidInputError
from chatcore.replies.idempotency import IdempotencyKey, fingerprint


@pytest.mark.parametrize("key", ["!", "~", "x" * 255])
def test_a_key_has_1_to_255_visible_ascii_characters(key: str) -> None:
    assert IdempotencyKey(key, b"").key == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\t", "é", "\x7f"])
def test_any_other_key_is_refused_by_the_headers_name(key: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        IdempotencyKey(key, b"")

    assert [problem.field for problem in caught.value.problems] == ["Idempotency-Key"]


def test_the_order_of_fields_does_not_change_a_fingerprint() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})


def test_another_value_changes_the_fingerprint() -> None:
    fingerprints = {fingerprint(request) for request in ({"a": 1}, {"a": "1"}, {"a": None}, {}, {"a": [1]})}

    assert {len(each) for each in fingerprints} == {32}
    assert len(fingerprints) == 5
