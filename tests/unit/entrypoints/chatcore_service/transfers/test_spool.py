"""Tests that JSON values come out of a spool as they went in, and that long ones take little memory on the way."""

import tracemalloc
from io import BytesIO

import pytest

from chatcore_service.transfers.spool import Spool

_MIB = 1024 * 1024


@pytest.mark.parametrize(
    "value",
    [None, True, 2**63, -1.5e300, "", '\ud83d, alone 💬\n"\x00', {"a": [{}, [], "é"], "": None}, ["\udc00", 2**64]],
)
def test_values_come_out_as_they_went_in(value: object) -> None:
    spool = Spool(BytesIO())
    first, second = spool.put(value), spool.put([value])

    assert second.read() == [value]
    assert first.read() == value
    assert type(first.read()) is type(value)


def test_a_long_text_with_an_emoji_is_copied_once() -> None:
    spool = Spool(BytesIO())
    text = "💬" + "line\n" * (_MIB // 5)
    tracemalloc.start()
    spooled = spool.put({"content": text})
    put_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    is_same = spooled.read() == {"content": text}
    read_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert is_same
    # Python keeps the text with four bytes for each character, and the file has one.
    assert put_bytes < 5 * _MIB
    assert read_bytes < 9 * _MIB
