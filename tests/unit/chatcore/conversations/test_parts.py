"""Tests which data parts are stored."""

import pytest

from chatcore.conversations.parts import MAX_DIGITS, is_readable


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        ("{}", True),
        ('{"x":' * 99 + "[]" + "}" * 99, True),
        ('{"x":' * 100 + "[]" + "}" * 100, False),
        ("[" * 100 + "]" * 100, True),
        ("[[]," * 60 + "1" + "]" * 60, True),
        ('{"x":"' + "[{" * 200 + '\\"["}', True),
        ('{"x":' + "9" * MAX_DIGITS + "}", True),
        ('{"x":' + "9" * (MAX_DIGITS + 1) + "}", False),
        ('{"x":1.' + "9" * (MAX_DIGITS + 1) + "}", False),
        ('{"x":"' + "9" * (MAX_DIGITS + 1) + '"}', True),
    ],
)
def test_data_that_some_parsers_refuse_is_found(json: str, *, expected: bool) -> None:
    assert is_readable(json) is expected
