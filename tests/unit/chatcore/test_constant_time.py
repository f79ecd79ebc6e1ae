"""Tests the comparison of a secret with several."""

import pytest

from chatcore.constant_time import is_one_of


@pytest.mark.parametrize(
    ("shown", "secrets", "expected"),
    [
        (b"a", [b"a", b"b"], True),
        (b"b", [b"a", b"b"], True),
        (b"c", [b"a", b"b"], False),
        (b"", [b"a"], False),
        (b"", [], False),
        (b"aa", [b"a"], False),
    ],
)
def test_a_secret_is_recognised_by_its_whole_value(shown: bytes, secrets: list[bytes], *, expected: bool) -> None:
    assert is_one_of(shown, secrets) is expected
