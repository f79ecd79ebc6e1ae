"""Tests how the log of a reply in the making grows and is read."""

from hypothesis import given
from hypothesis import strategies as st

from chatcore.conversations.log import MAX_PIECE_CHARS, Log, Piece, Stretch, parts_of, shows_data
from chatcore.conversations.parts import MAX_DATA_BYTES, MAX_DATA_PARTS, Part, PartKind
from chatcore.replies.reply_log import ReplyLog

Step = tuple[PartKind, str]

# Halves of surrogate pairs may come in any order.
TOKENS = st.text(st.sampled_from(["a", "é", "\ud83d", "\ude00", "\x00", "中"]), min_size=1, max_size=4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just(PartKind.TEXT), TOKENS),
        st.tuples(st.just(PartKind.REASONING), TOKENS),
        st.tuples(st.just(PartKind.DATA), st.sampled_from(['{"a":1}', "{}"])),
    ),
    max_size=12,
)


def add(log: ReplyLog, step: Step) -> None:
    kind, body = step
    if kind is PartKind.TEXT:
        log.text.pending.append(body)
    elif kind is PartKind.REASONING:
        log.add_reasoning(body)
    else:
        log.add_data(body)


def read_on(log: ReplyLog, position: int, max_chars: int = 3) -> list[Stretch]:
    stretches = []
    while (stretch := log.read(position, max_chars)) is not None:
        stretches.append(stretch)
        position = stretch.end_offset
    return stretches


def parts_in(stretches: list[Stretch]) -> list[Part]:
    """Joins neighbouring stretches of one kind, but data."""
    parts: list[Part] = []
    for stretch in stretches:
        if parts and parts[-1].kind is stretch.kind and stretch.kind is not PartKind.DATA:
            parts[-1] = Part(stretch.kind, parts[-1].body + stretch.text)
        else:
            parts.append(Part(stretch.kind, stretch.text))
    return parts


@given(STEPS, st.sets(st.integers(0, 11)))
def test_all_ways_to_read_a_log_agree(steps: list[Step], pauses: set[int]) -> None:
    log = ReplyLog()
    live: list[Stretch] = []
    stored: list[Piece] = []
    text = ""
    for number, step in enumerate(steps):
        add(log, step)
        if number in pauses:
            # A reader takes what is new, and a checkpoint stores it.
            stored_length = stored[-1].end if stored else 0
            live += read_on(log, live[-1].end_offset if live else 0)
            stored += log.pieces(stored_length)
            text += log.text.text(len(text))
    log.flush()
    live += read_on(log, live[-1].end_offset if live else 0)
    stored += log.pieces(stored[-1].end if stored else 0)
    text += log.text.text(len(text))

    parts = list(parts_of(text, stored))
    assert parts_in(live) == parts
    assert parts_in(read_on(log, 0)) == parts
    assert parts == list(parts_of(log.text.text(), log.pieces()))
    assert log.length == sum(len(part.body) for part in parts)
    assert "".join(part.body for part in parts if part.kind is PartKind.TEXT) == text


def test_the_pieces_from_a_position_on_are_those_that_were_not_stored() -> None:
    log = ReplyLog()
    log.add_reasoning("first ")
    before = log.length
    log.add_reasoning("second")
    log.text.pending.append("Hi")
    log.add_data("{}")

    assert log.pieces(before) == (Piece(6, 0, PartKind.REASONING, "second"), Piece(14, 2, PartKind.DATA, "{}"))


def test_only_so_many_data_parts_are_kept() -> None:
    log = ReplyLog()
    kept = [log.add_data("{}") for _ in range(MAX_DATA_PARTS + 1)]

    assert kept == [True] * MAX_DATA_PARTS + [False]
    assert len(log.pieces()) == MAX_DATA_PARTS


def test_only_so_much_data_is_kept_and_a_smaller_part_still_fits() -> None:
    log = ReplyLog()
    quotes = len('{"a":""}')
    large = '{"a":"' + "é" * ((MAX_DATA_BYTES - quotes) // 2) + '"}'

    assert log.add_data(large.replace("é", "éa", 1)) is False
    assert log.add_data(large) is True
    assert log.add_data("{}") is False
    assert shows_data(log.pieces())


def test_a_log_goes_on_after_what_earlier_generations_have_left() -> None:
    left = Log("Hi", (Piece(0, 0, PartKind.REASONING, "hm"), Piece(4, 2, PartKind.DATA, "{}")))
    log = ReplyLog()
    log.restore(left)

    add(log, (PartKind.REASONING, "so"))
    add(log, (PartKind.TEXT, "!"))

    assert (log.length, log.pieces(), log.pieces(6)) == (
        9,
        (*left.pieces, Piece(6, 2, PartKind.REASONING, "so")),
        (Piece(6, 2, PartKind.REASONING, "so"),),
    )
    assert (log.text.text(), log.text.token_count, shows_data(log.pieces())) == ("Hi!", 1, True)


def test_what_is_not_text_is_dropped_from_a_position_on() -> None:
    log = ReplyLog()
    log.restore(Log("Hi", (Piece(0, 0, PartKind.REASONING, "hm"),)))
    add(log, (PartKind.REASONING, "so"))
    add(log, (PartKind.DATA, "{}"))

    log.drop_pieces(4)

    assert (log.length, log.pieces()) == (4, (Piece(0, 0, PartKind.REASONING, "hm"),))
    assert parts_in(read_on(log, 0)) == [Part(PartKind.REASONING, "hm"), Part(PartKind.TEXT, "Hi")]


def test_long_reasoning_is_stored_in_pieces() -> None:
    log = ReplyLog()
    add(log, (PartKind.REASONING, "r" * (2 * MAX_PIECE_CHARS + 1)))

    assert [(piece.position, len(piece.body)) for piece in log.pieces()] == [
        (0, MAX_PIECE_CHARS),
        (MAX_PIECE_CHARS, MAX_PIECE_CHARS),
        (2 * MAX_PIECE_CHARS, 1),
    ]
