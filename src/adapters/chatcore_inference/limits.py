"""Bounds how long an inference service may take and how much it may send."""

from attrs import field, frozen
from attrs.validators import gt


@frozen(kw_only=True)
class InferenceTimeouts:
    """Bounds how long each step may take, in seconds; all values must be more than 0."""

    #: The time until a connection is made, TLS included.
    connect_seconds: float = field(default=5.0, validator=gt(0))
    #: The time until one of the pool's connections is free.
    queue_seconds: float = field(default=5.0, validator=gt(0))
    #: The time from the request to the first event with data.
    first_frame_seconds: float = field(default=60.0, validator=gt(0))
    #: The time between two events with data; comments and unfinished events do not count.
    idle_seconds: float = field(default=60.0, validator=gt(0))
    #: The time for a reply as a whole.
    total_seconds: float = field(default=900.0, validator=gt(0))
    #: The time for a request about models as a whole.
    answer_seconds: float = field(default=30.0, validator=gt(0))
    #: The time for a ping as a whole.
    ping_seconds: float = field(default=2.0, validator=gt(0))


@frozen(kw_only=True)
class InferenceLimits:
    """Bounds how much a service may send, and over how many connections; all values must be more than 0."""

    #: Most connections in use at once; a caller that needs one more waits for at most `queue_seconds`.
    max_connections: int = field(default=4096, validator=gt(0))
    #: Most bytes of the head of a response, with interim responses and trailers.
    max_header_bytes: int = field(default=16 * 1024, validator=gt(0))
    #: Most bytes of one event of a reply, as the event is sent.
    max_frame_bytes: int = field(default=256 * 1024, validator=gt(0))
    #: Most text of a reply, in Unicode code points.
    max_text_chars: int = field(default=1024 * 1024, validator=gt(0))
    #: Most events of a reply that add no text; a flood of blank lines costs as much to relay as a flood of tokens.
    max_textless_frames: int = field(default=64 * 1024, validator=gt(0))
    #: Most bytes of a reply as it is sent, with everything around its text.
    max_reply_bytes: int = field(default=64 * 1024 * 1024, validator=gt(0))
    #: Most bytes of a document about models.
    max_answer_bytes: int = field(default=1024 * 1024, validator=gt(0))
