"""Tests the reader of text that a feeder puts into its buffer."""

from chatcore.conversations.log import Log, Stretch
from chatcore.replies.buffered_reader import BufferedReader
from chatcore.replies.transcript import End
from chatcore.reply_error import ReplyError


def test_it_returns_what_was_put_in_and_then_the_rest() -> None:
    reader = BufferedReader(2)
    reader.put(Stretch("llo", 5))
    reader.finish(Log("Hello world"), End())

    assert [reader.take(), reader.take(), reader.take()] == [Stretch("llo", 5), Stretch(" world", 11), None]
    assert reader.end == End()


def test_it_rewinds_when_less_was_stored_than_was_shown() -> None:
    reader = BufferedReader(9)
    reader.finish(Log("Hello"), End(ReplyError.INFERENCE_INTERRUPTED))

    assert reader.take() == Stretch("", 5)
    assert reader.take() is None


def test_a_reader_that_has_everything_gets_only_the_end() -> None:
    reader = BufferedReader(5)
    reader.finish(Log("Hello"), End())

    assert (reader.take(), reader.end) == (None, End())
