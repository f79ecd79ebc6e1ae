"""Tests how text that grows by tokens is read."""

from hypothesis import given
from hypothesis import strategies as st

from chatcore.replies.text_track import TextTrack


@given(st.lists(st.text(max_size=5), max_size=200), st.data())
def test_any_part_of_the_text_can_be_read_at_any_time(tokens: list[str], data: st.DataObject) -> None:
    track = TextTrack()
    whole = ""
    for token in tokens:
        track.pending.append(token)
        whole += token.replace("\x00", "\ufffd")
        if data.draw(st.booleans()):
            offset = data.draw(st.integers(0, len(whole)))
            assert track.text(offset) == whole[offset:]

    most = data.draw(st.integers(0, 20))
    offset = data.draw(st.integers(0, len(whole)))
    assert track.text(offset, most) == whole[offset : offset + most]
    assert (track.length, track.token_count) == (len(whole), len(tokens))


def test_half_a_surrogate_pair_waits_for_its_other_half() -> None:
    track = TextTrack()
    track.pending.append("a\ud83d")
    before = track.text()
    track.pending.append("\ude00\ud83d")
    track.flush()

    assert (before, track.text()) == ("a", "a\U0001f600\ufffd")
