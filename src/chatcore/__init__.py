"""The core of a chat backend that does not lose an answer.

Nothing here knows SQL, a wire or any library but attrs. Give :class:`Chat` an adapter each for storage, inference
and clock (the ports in :mod:`chatcore.ports`) and it is a chat backend; the fourth port, auth, is for whoever lets
users in.

The files, in the order in which data meets them: `errors` and `reply_error`; `text` and `timestamps`, what may be
stored; the entities, `user`, `message`, `conversation`, `listing`, `sampling`; `history` and `titles`; `ports`; one
reply in the making: `lease`, `idempotency`, `transcript`, `readers`, `generation`, `background`, `generations`,
`checkpoints`, `rescue`, `page_reader`, `mailbox_reader`, `following`; the use cases, `conversations` and `turns`; and
`chat`, where the parts meet. Beside them, for adapters: `key_ring`, `slices` and `system_clock`.
"""

from chatcore.chat import Chat, Limits
from chatcore.conversations.conversation import Conversation, OpenConversation, active_path
from chatcore.conversations.history import HistoryLimits, HistoryMessage, trim
from chatcore.conversations.listing import Cursor, Page, PageRequest
from chatcore.conversations.message import ConversationId, Message, MessageId, Role, Status
from chatcore.conversations.titles import auto_title
from chatcore.errors import ChatError
from chatcore.replies.readers import FrameReader, Reader, Stretch
from chatcore.replies.sampling import Sampling
from chatcore.replies.transcript import End
from chatcore.replies.turns import Turn
from chatcore.reply_error import ReplyError
from chatcore.user import User, UserId

__all__ = [
    "Chat",
    "ChatError",
    "Conversation",
    "ConversationId",
    "Cursor",
    "End",
    "FrameReader",
    "HistoryLimits",
    "HistoryMessage",
    "Limits",
    "Message",
    "MessageId",
    "OpenConversation",
    "Page",
    "PageRequest",
    "Reader",
    "ReplyError",
    "Role",
    "Sampling",
    "Status",
    "Stretch",
    "Turn",
    "User",
    "UserId",
    "active_path",
    "auto_title",
    "trim",
]
