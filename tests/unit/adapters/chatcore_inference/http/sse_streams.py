"""Provides hypothesis strategies for event streams and for the places where they are cut."""

import itertools

from hypothesis import strategies as st

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
_NAMES = st.sampled_from([b"data", b"data", b"event", b"id", b"retry", b"", b" data", b"DATA", b"dat", b"data\0"])
_COLONS = st.sampled_from([b": ", b":", b":  ", b""])
_VALUES = st.one_of(
    st.sampled_from(
        [
            b"",
            b" ",
            b"x",
            b"1000",
            b"\0",
            b"data: y",
            b'{"token":"a"}',
            b'{"done":true}',
            BYTE_ORDER_MARK,
            "Grüße 漢 🎉 \u2028\u2029\u0085\x0b\x0c".encode(),
            b"\xff\xc0\xaf\xed\xa0\x80\xf0\x9f",
        ]
    ),
    st.binary(max_size=12).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b"")),
)
_LINES = st.one_of(
    st.tuples(_NAMES, _COLONS, _VALUES, _LINE_ENDS).map(b"".join),
    st.tuples(st.just(b"data: "), _VALUES, _LINE_ENDS, _LINE_ENDS).map(b"".join),
    _LINE_ENDS,
)

#: By the grammar of event streams, the last line maybe unfinished.
GRAMMATICAL = st.tuples(
    st.sampled_from([b"", b"", BYTE_ORDER_MARK, BYTE_ORDER_MARK * 2]),
    st.lists(_LINES, max_size=15).map(b"".join),
    st.sampled_from([b"", b"", b"data: unfinished", b"data"]),
).map(b"".join)

#: Whatever may come off a socket: by the grammar, by no grammar at all, or out of the pieces that parsers stumble on.
STREAMS = st.one_of(
    GRAMMATICAL,
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [b"\n", b"\r", b"\r\n", b"data: x", b"data:", b": c", b"x", b"\xef", b"\xbb\xbf", BYTE_ORDER_MARK, b"\0"]
        ),
        max_size=25,
    ).map(b"".join),
)

#: Where a stream is cut.
CUTS = st.lists(st.integers(0, 250))


def in_chunks(body: bytes, cuts: list[int]) -> list[bytes]:
    """Returns the parts of `body` between the cuts."""
    ends = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    return [body[start:end] for start, end in itertools.pairwise(ends)]
