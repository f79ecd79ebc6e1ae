"""Tests an unreachable storage, as a part of the storage contract."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from chatcore.conversations.listing import PageRequest
from chatcore.conversations.path import WHOLE_PATH, SliceKey
from chatcore.errors import StorageUnavailableError
from chatcore.ports import Storage
from chatcore.ports.search import WalkPlace
from chatcore.replies.lease import Lease
from chatcore.search.listing import BEGINNING
from chatcore.search.query import QueryTerm
from chatcore.sync.watermark import Watermark
from chatcore.testing.samples import (
    ALICE,
    NOON,
    a_conversation,
    a_final_state,
    a_fork,
    a_message_id,
    a_reader,
    a_regeneration,
    a_rename,
    a_turn,
    an_owner,
    continuation_of,
    progress,
)
from chatcore.testing.storage.steps import StorageHooks
from chatcore.transfers.transferred import TransferredConversation

_CONVERSATION = a_conversation()
_LEASE = Lease(user_id=ALICE, conversation_id=_CONVERSATION.id, message_id=a_message_id(), owner_id=an_owner(), epoch=1)
_WATERMARK = Watermark(origin="00000000", number=1, at=NOON)

#: A call of every method of the port.
CALLS: dict[str, Callable[[Storage], Awaitable[object]]] = {
    "create_conversation": lambda s: s.create_conversation(_CONVERSATION),
    "fork_conversation": lambda s: s.fork_conversation(a_fork(_CONVERSATION)),
    "list_conversations": lambda s: s.list_conversations(ALICE, PageRequest()),
    "get_conversation": lambda s: s.get_conversation(ALICE, _CONVERSATION.id),
    "open_path": lambda s: s.open_path(ALICE, _CONVERSATION.id, WHOLE_PATH),
    "read_slice": lambda s: s.read_slice(ALICE, _CONVERSATION.id, SliceKey(_LEASE.message_id, 1)),
    "read_tree": lambda s: s.read_tree(ALICE, _CONVERSATION.id, 0),
    "read_text": lambda s: s.read_text(ALICE, _CONVERSATION.id, _LEASE.message_id, 0),
    "read_log": lambda s: s.read_log(ALICE, _CONVERSATION.id, _LEASE.message_id, 0, 10),
    "update_conversation": lambda s: s.update_conversation(ALICE, _CONVERSATION.id, a_rename("New")),
    "replace_auto_title": lambda s: s.replace_auto_title(ALICE, _CONVERSATION.id, old="Old", new="New"),
    "delete_conversation": lambda s: s.delete_conversation(ALICE, _CONVERSATION.id),
    "read_siblings": lambda s: s.read_siblings(ALICE, _CONVERSATION.id, [_LEASE.message_id]),
    "delete_message": lambda s: s.delete_message(ALICE, _CONVERSATION.id, _LEASE.message_id),
    "delete_some": lambda s: s.delete_some(ALICE, 10),
    "delete_untouched": lambda s: s.delete_untouched(timedelta(days=1), None, 10),
    "list_by_id": lambda s: s.list_by_id(ALICE, None, 10),
    "read_usages": lambda s: s.read_usages(ALICE, _CONVERSATION.id, [_LEASE.message_id]),
    "add_conversation": lambda s: s.add_conversation(TransferredConversation(conversation=_CONVERSATION)),
    "begin_turn": lambda s: s.begin_turn(a_turn(_CONVERSATION)),
    "interrupt": lambda s: s.interrupt(a_turn(_CONVERSATION), _LEASE.message_id, lambda _: a_final_state()),
    "begin_regeneration": lambda s: s.begin_regeneration(a_regeneration(_CONVERSATION)),
    "begin_continuation": lambda s: s.begin_continuation(continuation_of(_LEASE)),
    "get_message": lambda s: s.get_message(ALICE, _CONVERSATION.id, _LEASE.message_id),
    "request_stop": lambda s: s.request_stop(ALICE, _CONVERSATION.id, _LEASE.message_id),
    "checkpoint": lambda s: s.checkpoint(_LEASE.owner_id, [progress(_LEASE, "text")]),
    "finish": lambda s: s.finish(_LEASE, a_final_state()),
    "claim_expired": lambda s: s.claim_expired(_LEASE.owner_id, (), 10),
    "recover": lambda s: s.recover(_LEASE, lambda orphan: a_final_state(orphan.text)),
    "hand_over": lambda s: s.hand_over(progress(_LEASE, "text")),
    "read_deltas": lambda s: s.read_deltas([a_reader(_LEASE)]),
    "purge_idempotency_keys": lambda s: s.purge_idempotency_keys(0, 10),
    "read_watermark": lambda s: s.read_watermark(),
    "read_changes": lambda s: s.read_changes(ALICE, _WATERMARK, 10),
    "read_changes_of_all": lambda s: s.read_changes_of_all([ALICE], _WATERMARK, 10),
    "purge_deletions": lambda s: s.purge_deletions(0, 10),
    "claim_pending": lambda s: s.claim_pending(10),
    "store_terms": lambda s: s.store_terms([]),
    "enqueue_unindexed": lambda s: s.enqueue_unindexed(WalkPlace(), 10),
    "find_candidates": lambda s: s.find_candidates(ALICE, [QueryTerm("walrus")], BEGINNING),
    "read_indexed_texts": lambda s: s.read_indexed_texts(ALICE, [_LEASE.message_id]),
    "ping": lambda s: s.ping(),
}


class OutageContract(StorageHooks):
    """Tests that every method raises the same error; a subclass provides the fixture `unreachable_storage`."""

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    async def test_every_method_raises_when_the_storage_is_unreachable(
        self, unreachable_storage: Storage, call: Callable[[Storage], Awaitable[object]]
    ) -> None:
        with pytest.raises(StorageUnavailableError):
            await call(unreachable_storage)

    async def test_a_reachable_storage_answers_a_ping(self, storage: Storage) -> None:
        await storage.ping()
