"""Tests the contract of the stream counts port."""

import asyncio
from uuid import uuid4

import pytest

from chatcore.errors import StorageUnavailableError
from chatcore.ports.stream_counts import ProcessId, StreamCounts
from chatcore.testing.samples import ALICE, BOB


@pytest.mark.asyncio
class StreamCountsContract:
    """Tests every promise of the stream counts port.

    A subclass has two fixtures, `stream_counts`, an adapter in which nothing was published, and
    `unreachable_stream_counts`, an adapter whose storage cannot be reached, and implements :meth:`expire_counts`.
    """

    async def expire_counts(self, stream_counts: StreamCounts) -> None:
        """Makes all counts that were published so far expire, as if their time had passed."""
        raise NotImplementedError

    async def test_a_process_reads_the_counts_of_all_others(self, stream_counts: StreamCounts) -> None:
        own, one, another = a_process(), a_process(), a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 3, BOB: 50})
        await stream_counts.exchange_stream_counts(another, {ALICE: 4})

        assert await elsewhere(stream_counts, own) == 7

    async def test_a_process_does_not_read_its_own_count(self, stream_counts: StreamCounts) -> None:
        own = a_process()

        assert await elsewhere(stream_counts, own, own_count=5) == 0
        assert await elsewhere(stream_counts, own, own_count=6) == 0

    async def test_a_count_replaces_the_one_before(self, stream_counts: StreamCounts) -> None:
        one = a_process()
        for count in (3, 5, 2, 2):
            await stream_counts.exchange_stream_counts(one, {ALICE: count})

        assert await elsewhere(stream_counts) == 2

    async def test_a_count_of_zero_removes_the_count(self, stream_counts: StreamCounts) -> None:
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

    async def test_only_named_users_are_in_the_result(self, stream_counts: StreamCounts) -> None:
        await stream_counts.exchange_stream_counts(a_process(), {ALICE: 3, BOB: 1})

        answer = await stream_counts.exchange_stream_counts(a_process(), {ALICE: 1})
        assert answer == {ALICE: 3}

    async def test_an_exchange_of_no_counts_returns_none(self, stream_counts: StreamCounts) -> None:
        assert await stream_counts.exchange_stream_counts(a_process(), {}) == {}

    async def test_many_users_are_exchanged_at_once(self, stream_counts: StreamCounts) -> None:
        counts = {f"user-{number}": 1 + number for number in range(1000)}
        await stream_counts.exchange_stream_counts(a_process(), counts)

        assert await stream_counts.exchange_stream_counts(a_process(), dict.fromkeys(counts, 1)) == counts

    async def test_of_simultaneous_exchanges_the_last_reads_all_others(self, stream_counts: StreamCounts) -> None:
        for _ in range(10):
            user = f"user-{uuid4()}"
            answers = await asyncio.gather(
                *(stream_counts.exchange_stream_counts(a_process(), {user: 1}) for _ in range(4))
            )
            assert max(answer.get(user, 0) for answer in answers) == 3

    async def test_a_count_that_is_not_published_again_expires(self, stream_counts: StreamCounts) -> None:
        await stream_counts.exchange_stream_counts(a_process(), {ALICE: 3})
        await self.expire_counts(stream_counts)
        one = a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 4})

        assert await elsewhere(stream_counts) == 4

    async def test_an_expired_count_that_is_published_again_is_valid(self, stream_counts: StreamCounts) -> None:
        one = a_process()
        await stream_counts.exchange_stream_counts(one, {ALICE: 3})
        await self.expire_counts(stream_counts)
        await stream_counts.exchange_stream_counts(one, {ALICE: 3})

        assert await elsewhere(stream_counts) == 3

    async def test_expired_counts_are_deleted_up_to_the_limit(self, stream_counts: StreamCounts) -> None:
        for user in (ALICE, BOB):
            for _ in range(2):
                await stream_counts.exchange_stream_counts(a_process(), {user: 1})
        await self.expire_counts(stream_counts)
        await stream_counts.exchange_stream_counts(a_process(), {ALICE: 1})

        assert [await stream_counts.forget_stream_counts(3) for _ in range(3)] == [3, 1, 0]
        assert await elsewhere(stream_counts) == 1

    async def test_every_method_raises_when_it_is_unreachable(self, unreachable_stream_counts: StreamCounts) -> None:
        with pytest.raises(StorageUnavailableError):
            await unreachable_stream_counts.exchange_stream_counts(a_process(), {ALICE: 1})
        with pytest.raises(StorageUnavailableError):
            await unreachable_stream_counts.forget_stream_counts(1)


def a_process() -> ProcessId:
    """Returns the id of a new process."""
    return ProcessId(uuid4())


async def elsewhere(
    stream_counts: StreamCounts, process_id: ProcessId | None = None, *, user: str = ALICE, own_count: int = 1
) -> int:
    """Returns the count of all other processes. By default a new process asks and then removes its own count."""
    own = process_id or a_process()
    answer = await stream_counts.exchange_stream_counts(own, {user: own_count})
    if process_id is None:
        await stream_counts.exchange_stream_counts(own, {user: 0})
    return answer.get(user, 0)
