"""Tests the limits of what a user sends."""

from collections.abc import Callable

import pytest

from chatcore.errors import InvalidInputError
from chatcore.input_limits import InputLimits

DEFAULT = InputLimits()
LOW = InputLimits(max_content_chars=1, max_title_chars=80, max_model_tag_chars=7, max_temperature=0.5, max_tokens=16)


@pytest.mark.parametrize(
    ("require", "highest", "above"),
    [
        (DEFAULT.require_content, "x" * 8000, "x" * 8001),
        (DEFAULT.require_instructions, "x" * 8000, "x" * 8001),
        (DEFAULT.require_title, "x" * 500, "x" * 501),
        (DEFAULT.require_model_tag, "x" * 100, "x" * 101),
        (DEFAULT.require_temperature, 2, 2.01),
        (DEFAULT.require_max_tokens, 4096, 4097),
        (LOW.require_content, "x", "xx"),
        (LOW.require_instructions, "x", "xx"),
        (LOW.require_title, "x" * 80, "x" * 81),
        (LOW.require_model_tag, "x" * 7, "x" * 8),
        (LOW.require_temperature, 0.5, 0.51),
        (LOW.require_max_tokens, 16, 17),
    ],
)
def test_what_is_at_a_limit_is_taken_and_what_is_above_is_not(
    require: Callable[[object], object], highest: object, above: object
) -> None:
    require(highest)
    with pytest.raises(InvalidInputError):
        require(above)


@pytest.mark.parametrize("text", ["", "a\x00b", "\ud83d"])
@pytest.mark.parametrize(
    ("field", "require"),
    [
        ("content", DEFAULT.require_content),
        ("instructions", DEFAULT.require_instructions),
        ("title", DEFAULT.require_title),
        ("model_tag", DEFAULT.require_model_tag),
    ],
)
def test_a_text_can_be_stored(field: str, require: Callable[[str], str], text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        require(text)

    assert [problem.field for problem in refused.value.problems] == [field]


def test_every_limit_out_of_its_range_is_named() -> None:
    with pytest.raises(InvalidInputError) as refused:
        InputLimits(
            max_content_chars=8001, max_title_chars=79, max_model_tag_chars=6, max_temperature=2.1, max_tokens=0
        )

    assert [problem.field for problem in refused.value.problems] == [
        "max_content_chars",
        "max_title_chars",
        "max_model_tag_chars",
        "max_temperature",
        "max_tokens",
    ]
