"""The in-memory storage fulfils the storage contracts, and fails when it is told to."""

import pytest

from chatcore.errors import StorageUnavailableError
from chatcore.ports import Storage
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.testing import StorageContract
from chatcore.testing.samples import ALICE, a_conversation, a_turn, an_owner
from chatcore.testing.storage.steps import begin, create, messages_of
from chatcore_memory import FrozenClock, InMemoryStorage


class TestInMemoryStorage(StorageContract):
    @pytest.fixture
    def unreachable_storage(self, storage: InMemoryStorage) -> InMemoryStorage:
        storage.outage = True
        return storage

    @pytest.fixture(autouse=True)
    def _keep(self, storage: InMemoryStorage, clock: FrozenClock) -> None:
        self._storage = storage
        self._clock = clock

    async def expire_leases(self, storage: Storage) -> None:
        assert storage is self._storage
        self._clock.advance(LEASE_SECONDS)


async def test_a_lease_expires_when_its_time_has_passed_and_not_before(
    storage: InMemoryStorage, clock: FrozenClock
) -> None:
    await begin(storage)

    clock.advance(LEASE_SECONDS - 0.001)
    assert await storage.claim_expired(an_owner(), (), 10) == []
    clock.advance(0.001)
    assert len(await storage.claim_expired(an_owner(), (), 10)) == 1


async def test_during_an_outage_nothing_takes_effect(storage: InMemoryStorage) -> None:
    conversation = await create(storage)

    storage.outage = True
    with pytest.raises(StorageUnavailableError):
        await storage.begin_turn(a_turn(conversation))
    storage.outage = False

    assert await messages_of(storage, conversation) == ()


async def test_a_call_whose_answer_is_lost_takes_effect(storage: InMemoryStorage) -> None:
    conversation = await create(storage)
    turn = a_turn(conversation)

    storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await storage.begin_turn(turn)
    repeated = await storage.begin_turn(turn)

    assert repeated.lease is not None
    assert await messages_of(storage, conversation) == (repeated.user_message, repeated.reply)


async def test_an_error_of_the_caller_is_not_a_lost_answer(storage: InMemoryStorage) -> None:
    storage.lost_replies = 1

    with pytest.raises(LookupError):
        async with storage._rows.transaction():
            raise LookupError

    assert storage.lost_replies == 1
    with pytest.raises(StorageUnavailableError):
        await storage.create_conversation(a_conversation(ALICE))
