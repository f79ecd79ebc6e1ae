"""Watermarks survive being handed out, and nothing else decodes to one."""

from datetime import timedelta

import pytest

from chatcore import Watermark
from chatcore.errors import InvalidInputError
from chatcore.testing.samples import NOON


@pytest.mark.parametrize("number", [0, 1, 752, 2**32, 16**15 - 1])
def test_a_watermark_survives_being_handed_out_without_its_detail(number: int) -> None:
    watermark = Watermark(origin="0badcafe", number=number, at=NOON, beyond="7:9:8")

    decoded = Watermark.decode(watermark.encode())

    assert (decoded, decoded.beyond) == (watermark, "")


def test_the_time_of_an_id_is_never_later_than_that_of_its_watermark() -> None:
    watermark = Watermark(origin="0badcafe", number=1, at=NOON + timedelta(microseconds=999_999))

    assert Watermark.decode(watermark.encode()).at == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1-2",
        "1-2-3",
        "-1-2-00000000",
        "1-2-0000000g",
        "1-2-00000000-",
        "1-2-00000000\n",
        " 1-2-00000000",
        "A-2-00000000",
        "1-2-000000000",
        "1234567890123456-2-00000000",
        "1-1234567890-00000000",
        "٣-2-00000000",
        "1-2-00000000" * 100,
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Watermark.decode(text)


def test_the_latest_instant_of_an_id_is_an_instant() -> None:
    assert Watermark.decode("1-fffffffff-00000000").at > NOON
