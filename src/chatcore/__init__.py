"""Implements a chat backend that does not lose an answer.

The core imports the standard library and attrs, and knows neither SQL nor HTTP. With one adapter each for storage,
inference and the clock (see :mod:`chatcore.ports`), :class:`Chat` is a complete chat backend.

Where to start reading:

* :mod:`chatcore.chat` builds all parts and starts and drains the background work. The module is the public entry point.
* :mod:`chatcore.ports` declares the services that the core needs from its adapters; :mod:`chatcore.testing` tests that
  an adapter provides them.
* :mod:`chatcore.conversations` holds the stored data: messages, conversations and pages of them, the history that the
  model sees, titles, and the use cases on conversations.
* :mod:`chatcore.replies` generates replies and delivers them. `turns` holds the use cases (send, regenerate, stop,
  follow); `stopping` and `interruption` carry out two of them. `generation_runner` runs each `generation` under a
  `lease`; `checkpoints` stores its text while it grows; `recovery` finishes orphaned replies; `transcript`, `readers`
  and `follower` deliver a reply to its readers; `model_titles` asks the model for titles.
* :mod:`chatcore.sync` tells clients which conversations have changed: `feeds` feeds all clients of a process.
* :mod:`chatcore.pending_work` sweeps for what waits in the storage: orphaned replies, and rows to delete.
* The other modules at the top level serve all folders: `errors` and `reply_error`, `user`, `text`, `input_limits` and
  `timestamps`.
  `system_clock`, `timed_wait`, `key_ring` and `missing_extra` also serve adapters.
"""

from chatcore.chat import Chat, Limits
from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation, active_path
from chatcore.conversations.creation import Creation
from chatcore.conversations.history import HistoryLimits, HistoryMessage, trim
from chatcore.conversations.listing import Cursor, Page, PageRequest
from chatcore.conversations.log import Piece, Stretch
from chatcore.conversations.message import ConversationId, Message, MessageId, Role, Status
from chatcore.conversations.open_conversation import OpenConversation
from chatcore.conversations.parts import Part, PartKind
from chatcore.conversations.path import MessageSlice, PathCursor, PathRequest
from chatcore.conversations.titles import AutoTitle, auto_title
from chatcore.errors import ChatError
from chatcore.input_limits import InputLimits
from chatcore.replies.interruption import OnBusy
from chatcore.replies.readers import FrameReader, Reader
from chatcore.replies.rescue import Rescue
from chatcore.replies.sampling import Sampling
from chatcore.replies.transcript import End
from chatcore.replies.turn_starter import Turn
from chatcore.reply_error import ReplyError
from chatcore.sync.feed_event import FeedEvent, FeedEventKind
from chatcore.sync.watermark import Watermark
from chatcore.user import User, UserId

__all__ = [
    "AutoTitle",
    "Chat",
    "ChatError",
    "Conversation",
    "ConversationChanges",
    "ConversationId",
    "Creation",
    "Cursor",
    "End",
    "FeedEvent",
    "FeedEventKind",
    "FrameReader",
    "HeadChoice",
    "HistoryLimits",
    "HistoryMessage",
    "InputLimits",
    "Limits",
    "Message",
    "MessageId",
    "MessageSlice",
    "OnBusy",
    "OpenConversation",
    "Page",
    "PageRequest",
    "Part",
    "PartKind",
    "PathCursor",
    "PathRequest",
    "Piece",
    "Reader",
    "ReplyError",
    "Rescue",
    "Role",
    "Sampling",
    "Status",
    "Stretch",
    "Turn",
    "User",
    "UserId",
    "Watermark",
    "active_path",
    "auto_title",
    "trim",
]
