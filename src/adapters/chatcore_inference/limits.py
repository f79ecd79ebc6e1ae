"""How long the inference service may take, and how much it may send."""

from attrs import field, frozen
from attrs.validators import gt


@frozen(kw_only=True)
class InferenceTimeouts:
    """All in seconds, all more than 0."""

    #: Until the connection stands, TLS included.
    connect_seconds: float = field(default=5.0, validator=gt(0))
    #: Until one of the pool's connections is free.
    queue_seconds: float = field(default=5.0, validator=gt(0))
    #: From the request to the first frame that carries data.
    first_frame_seconds: float = field(default=60.0, validator=gt(0))
    #: Between two frames that carry data; comments and unfinished frames do not count.
    idle_seconds: float = field(default=60.0, validator=gt(0))
    #: A reply as a whole.
    total_seconds: float = field(default=900.0, validator=gt(0))
    #: A call that is no stream, as a whole: models, swap.
    answer_seconds: float = field(default=30.0, validator=gt(0))
    #: A ping, as a whole.
    ping_seconds: float = field(default=2.0, validator=gt(0))


@frozen(kw_only=True)
class InferenceLimits:
    """All more than 0."""

    #: Connections at once; whoever needs one more waits `queue_seconds`.
    max_connections: int = field(default=4096, validator=gt(0))
    #: The head of a response, interim ones and trailers included.
    max_header_bytes: int = field(default=16 * 1024, validator=gt(0))
    #: One SSE event.
    max_frame_bytes: int = field(default=256 * 1024, validator=gt(0))
    #: Text of a reply, in Unicode code points.
    max_text_chars: int = field(default=1024 * 1024, validator=gt(0))
    #: Frames of a reply that add no text: a flood of blank lines costs as much to relay as one of tokens.
    max_textless_frames: int = field(default=64 * 1024, validator=gt(0))
    #: A reply as it is sent, with everything around its text.
    max_reply_bytes: int = field(default=64 * 1024 * 1024, validator=gt(0))
    #: The body of an answer that is no stream.
    max_answer_bytes: int = field(default=1024 * 1024, validator=gt(0))
