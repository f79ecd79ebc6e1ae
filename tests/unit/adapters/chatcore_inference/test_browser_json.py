"""Tests that a JSON object is read however large its numbers and however deep its nesting, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore_inference.browser_json import read_object

# More than Python's recursion limit, so that the text cannot be read in the ordinary way.
DEEP = 2000
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=8,
)
#: Texts that are nearly JSON.
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            '"a"',
            '"\\u12aF"',
            "1",
            "-0.5e+7",
            "01",
            "true",
            "null",
            " ",
            "\t",
            "\f",
            "x",
            "'",
        ]
    ),
    max_size=8,
).map("".join)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@given(JSON_VALUES.map(json.dumps) | FRAGMENTS)
def test_what_stands_in_deep_nesting_is_checked_like_everything_else(inner: str) -> None:
    data = f'{{"a":{"[" * DEEP}{inner}{"]" * DEEP},"token":"x"}}'.encode()

    expected = {"a": {}, "token": "x"} if is_json(f"[{inner}]") else None
    assert read_object(data) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"token":"x",', ""),
        ("", ',"token":"x"'),
        ('"token":"y",', ',"token":"x"'),
        ('"\\u0074oken":"x",', ""),
        (' \t\r\n"token" : "x" , ', " "),
        ('"token":"x","big":1e999,"small":-0,"other":{"token":"inner"},', ',"more":[[],{"a":{}}]'),
    ],
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[0,{"[}":', "}]")])
def test_the_outermost_keys_of_a_deeply_nested_object_are_read(
    before: str, after: str, opening: str, closing: str
) -> None:
    data = f'{{{before}"deep":{opening * DEEP}1{closing * DEEP}{after}}}'.encode()

    read = read_object(data)

    assert read is not None
    assert read["token"] == "x"


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]" * (DEEP - 1)), ("[", "}" * DEEP), ('{"a":', "]" * DEEP), ("[", "")]
)
def test_nesting_that_does_not_close_is_no_json(opening: str, closing: str) -> None:
    assert read_object(f'{{"token":"x","deep":{opening * DEEP}1{closing}}}'.encode()) is None


@pytest.mark.parametrize("digits", [4300, 4301, 100_000])
@pytest.mark.parametrize("number", ["{}", "-{}", "{}.5", "0.{}", "1e{}", "1e-{}"])
def test_numbers_may_have_any_number_of_digits(number: str, digits: int) -> None:
    read = read_object(f'{{"n":{number.format("9" * digits)},"token":"x"}}'.encode())

    assert read is not None
    assert read["token"] == "x"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP + b"]" * DEEP,
        b'\xef\xbb\xbf{"token":"x"}',
        b'{"token":"x","n":NaN}',
        b'{"token":"x","n":Infinity}',
        b'{"token":"x"}\x0b',
        '{"token":"x"}\u00a0'.encode(),
        b'{"token":"x","n":0x10}',
        b'{"token":"x","n":.5}',
        b'{"token":"x","n":' + b"1" * 5000 + b".}",
        b'{"token":"x",\'n\':1}',
        b'{"token":"x"/**/}',
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_a_browser_refuses_is_no_object(data: bytes) -> None:
    assert read_object(data) is None
