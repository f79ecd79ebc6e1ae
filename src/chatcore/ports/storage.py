"""Defines the storage port, which combines the ports for conversations, their trees, replies, changes and texts."""

from typing import Protocol

from chatcore.ports.bulk_deletions import BulkDeletions
from chatcore.ports.changes import ChangeStore
from chatcore.ports.conversations import ConversationStore
from chatcore.ports.replies import ReplyStore
from chatcore.ports.search import SearchIndex
from chatcore.ports.transfers import TransferStore
from chatcore.ports.trees import TreeStore


class Storage(
    ConversationStore, TreeStore, BulkDeletions, TransferStore, ReplyStore, ChangeStore, SearchIndex, Protocol
):
    """Stores conversations and the replies that are generated in them, tells what has changed, and finds texts.

    Rules for all methods:

    - Every method names the user and touches nothing of another user; data of another user does not exist for the
      method. Some methods concern no single user: `claim_expired`, `purge_idempotency_keys`, `read_watermark`,
      `purge_deletions`, `delete_untouched`, `claim_pending`, `store_terms`, `enqueue_unindexed` and `ping`.
    - Every method that writes is one transaction. After a StorageUnavailableError it may be repeated with the same
      arguments: repeats converge to the effect of one call.
    - Text is stored and returned exactly, code point for code point. Instants are returned in UTC.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """
