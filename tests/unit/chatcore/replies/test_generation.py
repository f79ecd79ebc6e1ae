"""Tests what the checkpoints of a generation store, and its final state."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chatcore.conversations.log import Log
from chatcore.conversations.message import ConversationId, FinishReason, MessageId, Status
from chatcore.ports import Frame
from chatcore.ports.inference import ClosingFrame
from chatcore.replies.generation import Beginning, CancelReason, Generation
from chatcore.replies.lease import RENEWAL_SECONDS, FinalState, Lease, LeaseStatus, OwnerId
from chatcore.replies.transcript import Transcript
from chatcore.reply_error import ReplyError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def generation(*tokens: str, replaces: bool = False, beginning: Beginning | None = None) -> Generation:
    lease = Lease(
        user_id="ada",
        conversation_id=ConversationId(uuid4()),
        message_id=MessageId(uuid4()),
        owner_id=OwnerId(uuid4()),
        epoch=1,
    )
    made = Generation(lease, Transcript(), started_at=100.0, beginning=beginning or Beginning(replaces=replaces))
    for token in tokens:
        made.transcript.append(Frame(b"data", token))
    return made


def ended(made: Generation, error: ReplyError | None = None) -> FinalState:
    return made.final_state(error, now=NOW, monotonic=101.5)


def close(made: Generation) -> None:
    made.transcript.append(Frame(b"done", is_closing=True))


@pytest.mark.parametrize(
    ("error", "kept"), [(None, (FinishReason.LENGTH, "{}")), (ReplyError.INFERENCE_ERROR, (None, None))]
)
def test_only_a_complete_reply_keeps_what_the_model_says_about_it(
    error: ReplyError | None, kept: tuple[FinishReason | None, str | None]
) -> None:
    made = generation("Hello")
    made.transcript.append(ClosingFrame(b"done", finish_reason=FinishReason.LENGTH, usage="{}"))
    final_state = ended(made, error)

    assert (final_state.finish_reason, final_state.usage) == kept


@pytest.mark.parametrize(("stated", "count"), [(7, 12), (0, 5), (None, 7)])
def test_the_model_says_how_many_tokens_it_sent_or_the_frames_with_text_count(stated: int | None, count: int) -> None:
    made = generation("Hel", "lo", beginning=Beginning(log=Log("Oh. "), token_count=5))
    made.transcript.append(ClosingFrame(b"done", token_count=stated))

    assert ended(made).token_count == count


def test_each_checkpoint_stores_the_text_since_the_one_before() -> None:
    made = generation("Hel", "lo")
    first = made.progress(100.1)
    made.confirm(first, LeaseStatus.HELD, 100.2)
    made.transcript.append(Frame(b"data", "!"))

    second = made.progress(100.3)

    assert [(p.start_offset, p.text) for p in (first, second)] == [(0, "Hello"), (5, "!")]


def test_after_a_failed_checkpoint_the_same_text_is_sent_before_new_text() -> None:
    made = generation("Hello")
    made.progress(100.1)
    made.fail()
    made.transcript.append(Frame(b"data", "!"))

    again = made.progress(100.3)
    made.confirm(again, LeaseStatus.HELD, 100.4)
    after = made.progress(100.5)

    assert [(p.start_offset, p.text) for p in (again, after)] == [(0, "Hello"), (5, "!")]


def test_a_lease_is_renewed_when_it_is_five_seconds_old_and_not_before() -> None:
    made = generation()
    early = made.progress(100.0 + RENEWAL_SECONDS - 0.01)
    made.confirm(early, LeaseStatus.HELD, 104.99)
    due = made.progress(100.0 + RENEWAL_SECONDS)
    made.confirm(due, LeaseStatus.HELD, 105.1)

    assert [early.renew, due.renew, made.progress(105.2).renew] == [False, True, False]


def test_a_renewal_that_failed_is_due_again() -> None:
    made = generation("a")
    made.progress(100.1)
    made.fail()

    assert made.progress(106.0).renew


def test_reading_text_does_not_remove_it_from_the_next_checkpoint() -> None:
    made = generation("Hello")
    assert made.transcript.text(2) == "llo"

    assert made.progress(100.1).text == "Hello"


def test_a_stop_requested_on_another_process_cancels_it() -> None:
    made = generation("a")
    made.confirm(made.progress(100.1), LeaseStatus.STOP_REQUESTED, 100.2)

    assert ended(made).status is Status.STOPPED


def test_a_lost_lease_overrides_every_other_reason() -> None:
    made = generation("a")
    made.cancel(CancelReason.STOPPED)
    made.confirm(made.progress(100.1), LeaseStatus.LOST, 100.2)

    assert made.is_lost


def test_no_frame_is_accepted_after_a_swallowed_cancellation() -> None:
    made = generation("a")
    made.cancel(CancelReason.STOPPED)
    made.transcript.append(Frame(b"data", "b"))

    assert ended(made).content == "a"


def test_a_reply_with_its_closing_frame_is_complete() -> None:
    made = generation("Hel", "lo")
    close(made)

    assert ended(made) == FinalState(
        status=Status.COMPLETE,
        content="Hello",
        error=None,
        token_count=2,
        inference_time_ms=1500,
        returns_head=False,
        ended_at=NOW,
    )


@pytest.mark.parametrize(("tokens", "status"), [("", Status.FAILED), ("a", Status.INTERRUPTED)])
def test_an_error_that_the_closing_frame_reports_is_the_outcome(tokens: str, status: Status) -> None:
    made = generation(*tokens)
    close(made)

    final_state = ended(made, ReplyError.INFERENCE_ERROR)

    assert (final_state.status, final_state.error) == (status, ReplyError.INFERENCE_ERROR)


def test_a_stop_that_comes_after_the_closing_frame_changes_nothing() -> None:
    made = generation("a")
    close(made)
    made.cancel(CancelReason.STOPPED)

    assert (ended(made).status, ended(made).error) == (Status.COMPLETE, None)


@pytest.mark.parametrize(
    ("text", "replaces", "returns_head"),
    [
        ("a", True, False),
        ("", True, True),
        (" \n\u200b\u2060", True, True),
        ("", False, False),
        ("\u200b", False, False),
    ],
)
def test_a_whole_reply_takes_the_place_of_an_earlier_one_if_there_is_something_to_see(
    text: str,
    replaces: bool,  # noqa: FBT001 - a column of the table
    returns_head: bool,  # noqa: FBT001 - a column of the table
) -> None:
    made = generation(*text, replaces=replaces)
    close(made)

    assert ended(made).returns_head is returns_head


@pytest.mark.parametrize(
    ("tokens", "replaces", "cancel_reason", "error", "status", "shown", "returns_head"),
    [
        ("a", False, None, ReplyError.INFERENCE_TIMEOUT, Status.INTERRUPTED, ReplyError.INFERENCE_TIMEOUT, False),
        ("", False, None, ReplyError.INFERENCE_ERROR, Status.FAILED, ReplyError.INFERENCE_ERROR, False),
        ("", True, None, ReplyError.INFERENCE_ERROR, Status.FAILED, ReplyError.INFERENCE_ERROR, True),
        ("a", True, None, None, Status.INTERRUPTED, ReplyError.INFERENCE_INTERRUPTED, True),
        ("a", False, CancelReason.STOPPED, None, Status.STOPPED, ReplyError.STOPPED, False),
        ("", False, CancelReason.STOPPED, None, Status.STOPPED, ReplyError.STOPPED, False),
        ("", True, CancelReason.STOPPED, None, Status.STOPPED, ReplyError.STOPPED, True),
        ("a", True, CancelReason.STOPPED, None, Status.STOPPED, ReplyError.STOPPED, False),
        (" \u200b", True, CancelReason.STOPPED, None, Status.STOPPED, ReplyError.STOPPED, True),
        ("a", False, CancelReason.DRAINED, None, Status.INTERRUPTED, ReplyError.INFERENCE_INTERRUPTED, False),
        ("", False, CancelReason.DRAINED, None, Status.FAILED, ReplyError.INFERENCE_INTERRUPTED, False),
        ("a", True, CancelReason.DRAINED, None, Status.INTERRUPTED, ReplyError.INFERENCE_INTERRUPTED, True),
        ("a", False, CancelReason.OVERFLOWED, None, Status.INTERRUPTED, ReplyError.INFERENCE_INTERRUPTED, False),
    ],
)
def test_a_reply_without_its_closing_frame_ends_by_its_text_and_reason(
    tokens: str,
    replaces: bool,  # noqa: FBT001 - a column of the table
    cancel_reason: CancelReason | None,
    error: ReplyError | None,
    status: Status,
    shown: ReplyError,
    returns_head: bool,  # noqa: FBT001 - a column of the table
) -> None:
    made = generation(*tokens, replaces=replaces)
    if cancel_reason is not None:
        made.cancel(cancel_reason)

    final_state = ended(made, error)

    assert (final_state.status, final_state.error, final_state.returns_head) == (status, shown, returns_head)


def test_unstored_text_is_counted_in_bytes() -> None:
    made = generation("é" * 10)
    assert made.unstored_bytes == 20

    made.confirm(made.progress(100.1), LeaseStatus.HELD, 100.2)

    assert made.unstored_bytes == 0
