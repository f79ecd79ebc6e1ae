"""Tests how a log of parts is read from its text and its pieces."""

import pytest

from chatcore.conversations.log import (
    Log,
    Piece,
    Stretch,
    bytes_of,
    parts_of,
    pieces_in,
    read_log,
    stretches_between,
    text_offset_at,
)
from chatcore.conversations.parts import Part, PartKind

TEXT = "It is 4."
# The log is: thinks (6), "It" (2), {"a":1} (7), deeply (3 + 3), " is 4." (6).
PIECES = (
    Piece(0, 0, PartKind.REASONING, "thinks"),
    Piece(8, 2, PartKind.DATA, '{"a":1}'),
    Piece(15, 2, PartKind.REASONING, "dee"),
    Piece(18, 2, PartKind.REASONING, "ply"),
)


def read(position: int, max_chars: int = 100) -> Stretch | None:
    return read_log(
        position,
        max_chars,
        text_length=len(TEXT),
        read_text=lambda offset, most: TEXT[offset : offset + most],
        segments=PIECES,
    )


def stretches(position: int, max_chars: int) -> list[Stretch]:
    stretches = []
    end = position + max_chars
    while position < end and (stretch := read(position, end - position)):
        stretches.append(stretch)
        position = stretch.end_offset
    return stretches


def test_the_parts_of_a_log_come_in_order_and_neighbouring_reasoning_is_one() -> None:
    assert list(parts_of(TEXT, PIECES)) == [
        Part(PartKind.REASONING, "thinks"),
        Part(PartKind.TEXT, "It"),
        Part(PartKind.DATA, '{"a":1}'),
        Part(PartKind.REASONING, "deeply"),
        Part(PartKind.TEXT, " is 4."),
    ]


def test_a_reply_of_text_alone_has_one_part_and_an_empty_one_has_none() -> None:
    assert list(parts_of("Four.", ())) == [Part(PartKind.TEXT, "Four.")]
    assert list(parts_of("", ())) == []


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0, Stretch("thinks", 6, PartKind.REASONING)),
        (4, Stretch("ks", 6, PartKind.REASONING)),
        (6, Stretch("It", 8)),
        (7, Stretch("t", 8)),
        (8, Stretch('{"a":1}', 15, PartKind.DATA)),
        # Nobody can use a part of an object.
        (9, Stretch('{"a":1}', 15, PartKind.DATA)),
        (14, Stretch('{"a":1}', 15, PartKind.DATA)),
        (15, Stretch("dee", 18, PartKind.REASONING)),
        (20, Stretch("y", 21, PartKind.REASONING)),
        (21, Stretch(" is 4.", 27)),
        (27, None),
    ],
)
def test_a_log_is_read_from_any_position_on(position: int, expected: Stretch | None) -> None:
    assert read(position) == expected


def test_a_stretch_has_a_bounded_length_unless_it_is_data() -> None:
    assert read(0, 2) == Stretch("th", 2, PartKind.REASONING)
    assert read(22, 2) == Stretch("is", 24)
    assert read(8, 2) == Stretch('{"a":1}', 15, PartKind.DATA)


LOG = Log(TEXT, PIECES)


def test_a_log_is_as_long_as_all_of_its_parts() -> None:
    assert (LOG.length, Log("Four.").length, Log("", PIECES[:1]).length) == (27, 5, 6)
    assert (bytes_of(PIECES), bytes_of([Piece(0, 0, PartKind.REASONING, "é")]), bytes_of(())) == (19, 2, None)


@pytest.mark.parametrize("max_chars", [1, 2, 7, 100])
@pytest.mark.parametrize("position", range(28))
def test_a_window_of_a_log_reads_as_the_log(position: int, max_chars: int) -> None:
    text_offset = text_offset_at(position, PIECES)
    first = max([0, *(index for index, piece in enumerate(PIECES) if piece.position <= position)])
    window = [piece for piece in PIECES[first:] if piece.position < position + max_chars]

    read = stretches_between(
        position,
        max_chars,
        text=TEXT[text_offset : text_offset + max_chars],
        text_offset=text_offset,
        pieces=window,
    )

    assert list(read) == stretches(position, max_chars) == list(LOG.stretches(position, max_chars))


def test_a_window_at_the_end_of_what_is_stored_is_empty() -> None:
    assert list(stretches_between(5, 10, text="", text_offset=5, pieces=())) == []


def test_the_stretches_of_a_log_tell_its_pieces() -> None:
    pieces = pieces_in(LOG.stretches(0, 100))

    assert pieces == PIECES


def test_a_stretch_is_cut_at_a_position() -> None:
    stretch = Stretch("Four.", 10)

    assert (stretch.up_to(8), stretch.up_to(10), stretch.up_to(11)) == (Stretch("Fou", 8), stretch, stretch)
