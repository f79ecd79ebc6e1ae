"""Limits how long an inference service may take and how much it may send."""

from attrs import field, frozen
from attrs.validators import gt


@frozen(kw_only=True)
class InferenceTimeouts:
    """How long each step may take, in seconds; all more than 0."""

    #: Until a connection is made, TLS included.
    connect_seconds: float = field(default=5.0, validator=gt(0))
    #: Until one of the pool's connections is free.
    queue_seconds: float = field(default=5.0, validator=gt(0))
    #: From the request to the first event with data.
    first_frame_seconds: float = field(default=60.0, validator=gt(0))
    #: Between two events with data; comments and unfinished events do not count.
    idle_seconds: float = field(default=60.0, validator=gt(0))
    #: A reply as a whole.
    total_seconds: float = field(default=900.0, validator=gt(0))
    #: A request about models as a whole.
    answer_seconds: float = field(default=30.0, validator=gt(0))
    #: A ping, as a whole.
    ping_seconds: float = field(default=2.0, validator=gt(0))


@frozen(kw_only=True)
class InferenceLimits:
    """How much a service may send, over how many connections; all more than 0."""

    #: Connections in use at once; a caller that needs one more waits for `queue_seconds` at most.
    max_connections: int = field(default=4096, validator=gt(0))
    #: The head of a response, with interim responses and trailers.
    max_header_bytes: int = field(default=16 * 1024, validator=gt(0))
    #: One event of a reply, as it is sent.
    max_frame_bytes: int = field(default=256 * 1024, validator=gt(0))
    #: Text of a reply, in Unicode code points.
    max_text_chars: int = field(default=1024 * 1024, validator=gt(0))
    #: Events of a reply that add no text; a flood of blank lines costs as much to relay as one of tokens.
    max_textless_frames: int = field(default=64 * 1024, validator=gt(0))
    #: A reply as it is sent, with everything around its text.
    max_reply_bytes: int = field(default=64 * 1024 * 1024, validator=gt(0))
    #: A document about models.
    max_answer_bytes: int = field(default=1024 * 1024, validator=gt(0))
