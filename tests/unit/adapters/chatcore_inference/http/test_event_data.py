"""Tests how the data of an event is found."""

from hypothesis import given
from hypothesis import strategies as st

from chatcore_inference.http.event_data import data_of, lone_event


@given(
    st.lists(st.sampled_from([b"data: ", b"{", b"}", b"\n", b"\r", b"\n\n", b'"a":1', b"x", b"data:"])).map(b"".join)
)
def test_the_short_way_to_read_an_event_agrees_with_the_long_one(raw: bytes) -> None:
    event = lone_event(raw)

    assert event is None or event[1] == data_of(raw)
