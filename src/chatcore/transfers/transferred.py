"""Defines a conversation with everything that an export keeps and an import stores."""

from collections.abc import Collection, Mapping

from attrs import Factory, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message, MessageId


@frozen(kw_only=True)
class TransferredConversation:
    """Holds a conversation to import, with the messages of all its branches.

    :func:`chatcore.transfers.checked.checked` makes instances that can be stored.
    """

    #: Its head is one of the messages, or None if there are none.
    conversation: Conversation
    #: Each comes after its parent. Positions count from 1, and none is streaming. They may have 64 MiB together, so a
    #: storage iterates over them and keeps few of them at a time.
    messages: Collection[Message] = ()
    #: What replies cost, as JSON objects; see :class:`chatcore.replies.lease.FinalState`.
    usages: Mapping[MessageId, str] = Factory(dict[MessageId, str])
