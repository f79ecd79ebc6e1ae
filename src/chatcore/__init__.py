"""The core of a chat backend that does not lose an answer.

Nothing here knows HTTP, SQL or any library but attrs. Give :class:`Chat` four adapters for the ports in
:mod:`chatcore.ports` and it is a chat backend. The files, in the order in which data meets them: `errors`, the
entities (`user`, `message`, `conversation`), `history`, `titles`, `ports`, the use cases (`conversations`,
`turns`), and one reply in the making (`lease`, `transcript`, `readers`, `generation`, `generations`,
`checkpoints`, `rescue`, `following`).
"""

from chatcore.chat import Chat, Limits
from chatcore.conversation import Conversation, OpenConversation, active_path
from chatcore.errors import ChatError
from chatcore.history import HistoryLimits, HistoryMessage, trim
from chatcore.listing import Cursor, Page, PageRequest
from chatcore.message import ConversationId, Message, MessageId, ReplyError, Role, Status
from chatcore.readers import FrameReader, Reader, Stretch
from chatcore.sampling import Sampling
from chatcore.titles import auto_title
from chatcore.transcript import End
from chatcore.turns import Turn
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
