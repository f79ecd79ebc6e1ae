"""Tests that different tokens have different cache keys, and which text is a token at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore_auth.token_key import MAX_TOKEN_BYTES, token_key


@given(prefix=st.text(max_size=200), one=st.text(max_size=20), other=st.text(max_size=20))
def test_tokens_with_a_common_prefix_have_different_keys(prefix: str, one: str, other: str) -> None:
    keys = {token: token_key(token) for token in (prefix + one, prefix + other, prefix + one + " ")}

    known = [key for key in keys.values() if key is not None]
    assert len(set(known)) == len(known)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("token", "Token"),
        ("token", "token "),
        ("token", " token"),
        ("token", "token="),
        ("\u00e9", "e\u0301"),
        ("a", "\uff41"),
    ],
    ids=["case", "trailing space", "leading space", "padding", "normalization form", "full-width letter"],
)
def test_tokens_that_look_alike_have_different_keys(one: str, other: str) -> None:
    assert token_key(one) != token_key(other)


@pytest.mark.parametrize(
    "token", ["", "\ud800", "x\udfff", "x" * (MAX_TOKEN_BYTES + 1), "ä" * (MAX_TOKEN_BYTES // 2 + 1)]
)
def test_text_that_cannot_be_a_token_has_no_key(token: str) -> None:
    assert token_key(token) is None


@pytest.mark.parametrize("token", ["x", " ", "\x00", "x" * MAX_TOKEN_BYTES, "ä" * (MAX_TOKEN_BYTES // 2), "a b\r\nc"])
def test_any_other_text_has_a_key(token: str) -> None:
    assert token_key(token) is not None
