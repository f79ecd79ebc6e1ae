"""The stream counts contract."""

import asyncio
from uuid import uuid4

import pytest

from chatcore.errors import StorageUnavailableError
from chatcore.ports.stream_counts import ProcessId, StreamCounts
from chatcore.testing.samples import ALICE, BOB


@pytest.mark.asyncio
class StreamCountsContract:
    """What every keeper of stream counts promises.

    A subclass has two fixtures, `stream_counts`, an adapter in which nothing has been said, and
    `unreachable_stream_counts`, an adapter whose storage cannot be reached, and implements :meth:`let_counts_run_out`.
    """

    async def let_counts_run_out(self, stream_counts: StreamCounts) -> None:
        """Makes all counts said so far run out, as if their time had passed."""
        raise NotImplementedError

    async def test_a_process_learns_what_all_others_have_said_of_a_user(self, stream_counts: StreamCounts) -> None:
        own, one, another = a_process(), a_process(), a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 3, BOB: 50})
        await stream_counts.exchange_stream_counts(another, {ALICE: 4})

        assert await elsewhere(stream_counts, own) == 7

    async def test_what_a_process_says_itself_is_not_elsewhere(self, stream_counts: StreamCounts) -> None:
        own = a_process()

        assert await elsewhere(stream_counts, own, own_count=5) == 0
        assert await elsewhere(stream_counts, own, own_count=6) == 0

    async def test_a_count_replaces_the_one_before(self, stream_counts: StreamCounts) -> None:
        one = a_process()
        for count in (3, 5, 2, 2):
            await stream_counts.exchange_stream_counts(one, {ALICE: count})

        assert await elsewhere(stream_counts) == 2

    async def test_a_count_of_none_takes_back_what_was_said(self, stream_counts: StreamCounts) -> None:
        one = a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 3, BOB: 1})

        answer = await stream_counts.exchange_stream_counts(one, {ALICE: 0})
        assert answer.get(ALICE, 0) == 0
        assert (await elsewhere(stream_counts), await elsewhere(stream_counts, user=BOB)) == (0, 1)
        assert await stream_counts.exchange_stream_counts(one, {ALICE: 0}) == answer

    async def test_users_who_are_not_named_keep_their_counts(self, stream_counts: StreamCounts) -> None:
        one = a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 3})
        await stream_counts.exchange_stream_counts(one, {BOB: 1})

        assert await elsewhere(stream_counts) == 3

    async def test_only_users_who_are_named_are_answered_for(self, stream_counts: StreamCounts) -> None:
        await stream_counts.exchange_stream_counts(a_process(), {ALICE: 3, BOB: 1})

        answer = await stream_counts.exchange_stream_counts(a_process(), {ALICE: 1})
        assert answer == {ALICE: 3}

    async def test_nobody_has_nothing(self, stream_counts: StreamCounts) -> None:
        assert await stream_counts.exchange_stream_counts(a_process(), {}) == {}

    async def test_many_users_are_answered_for_at_once(self, stream_counts: StreamCounts) -> None:
        counts = {f"user-{number}": 1 + number for number in range(1000)}
        await stream_counts.exchange_stream_counts(a_process(), counts)

        assert await stream_counts.exchange_stream_counts(a_process(), dict.fromkeys(counts, 1)) == counts

    async def test_of_processes_that_exchange_at_once_the_last_learns_of_all_others(
        self, stream_counts: StreamCounts
    ) -> None:
        for _ in range(10):
            user = f"user-{uuid4()}"
            answers = await asyncio.gather(
                *(stream_counts.exchange_stream_counts(a_process(), {user: 1}) for _ in range(4))
            )
            assert max(answer.get(user, 0) for answer in answers) == 3

    async def test_a_count_that_is_not_said_again_holds_no_more(self, stream_counts: StreamCounts) -> None:
        await stream_counts.exchange_stream_counts(a_process(), {ALICE: 3})
        await self.let_counts_run_out(stream_counts)
        one = a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 4})

        assert await elsewhere(stream_counts) == 4

    async def test_a_count_that_is_said_again_holds_again(self, stream_counts: StreamCounts) -> None:
        one = a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 3})
        await self.let_counts_run_out(stream_counts)
        await stream_counts.exchange_stream_counts(one, {ALICE: 3})

        assert await elsewhere(stream_counts) == 3

    async def test_what_has_run_out_is_forgotten_up_to_the_limit(self, stream_counts: StreamCounts) -> None:
        for user in (ALICE, BOB):
            for _ in range(2):
                await stream_counts.exchange_stream_counts(a_process(), {user: 1})
        await self.let_counts_run_out(stream_counts)
        await stream_counts.exchange_stream_counts(a_process(), {ALICE: 1})

        assert [await stream_counts.forget_stream_counts(3) for _ in range(3)] == [3, 1, 0]
        assert await elsewhere(stream_counts) == 1

    async def test_it_says_that_the_storage_is_away(self, unreachable_stream_counts: StreamCounts) -> None:
        with pytest.raises(StorageUnavailableError):
            await unreachable_stream_counts.exchange_stream_counts(a_process(), {ALICE: 1})
        with pytest.raises(StorageUnavailableError):
            await unreachable_stream_counts.forget_stream_counts(1)


def a_process() -> ProcessId:
    """A process that was never seen before."""
    return ProcessId(uuid4())


async def elsewhere(
    stream_counts: StreamCounts, process_id: ProcessId | None = None, *, user: str = ALICE, own_count: int = 1
) -> int:
    """What a process, by default a new one, learns of the others; a new one takes its own count back."""
    own = process_id or a_process()
    answer = await stream_counts.exchange_stream_counts(own, {user: own_count})
    if process_id is None:
        await stream_counts.exchange_stream_counts(own, {user: 0})
    return answer.get(user, 0)
