"""A transcript: all that has come of a reply so far.

The generation appends, readers read, and neither waits for the other: a reader (:mod:`chatcore.readers`) is an
offset into the transcript and nothing more, so a slow, gone or second reader costs the generation nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable

from attrs import frozen

from chatcore.message import ReplyError
from chatcore.ports.inference import Frame
from chatcore.text import TextRepair


@frozen
class End:
    """How a stream ends for its readers."""

    #: Why the reply is not complete; None when it is.
    error: ReplyError | None = None
    #: The reply goes on, or its end is known, elsewhere: come back with the last offset.
    reconnect: bool = False


#: The end of a stream, not of the reply.
RECONNECT = End(reconnect=True)


class Transcript:
    """What has come of one reply."""

    __slots__ = (
        "_closing",
        "_length",
        "_on_first_token",
        "_pending",
        "_raw",
        "_repair",
        "_starts",
        "_stretches",
        "_waiters",
        "end",
        "is_closed",
        "is_sealed",
        "token_count",
    )

    def __init__(self, on_first_token: Callable[[], None] = lambda: None) -> None:
        self._on_first_token = on_first_token
        self._raw = bytearray()
        self._closing = b""
        self._repair = TextRepair()
        # Tokens are joined when somebody asks for text, four times a second at most: a string per token costs memory.
        self._stretches: list[str] = []
        self._starts: list[int] = []
        self._pending: list[str] = []
        self._length = 0
        self._waiters: list[Callable[[], bool]] = []
        #: Frames that carried a token.
        self.token_count = 0
        #: Whether the closing frame has come. It is withheld until :meth:`finish`.
        self.is_closed = False
        #: Whether nothing is taken any more.
        self.is_sealed = False
        #: Set when readers have got, or can get, everything.
        self.end: End | None = None

    @property
    def length(self) -> int:
        """Code points of text so far."""
        return self._length

    def append(self, frame: Frame) -> None:
        """Takes the next frame and wakes the readers. This is the hot path: once for every token relayed."""
        if self.is_sealed:
            return
        if frame.token is not None:
            self._append_token(frame.token)
        if frame.is_closing:
            # Whoever has seen the end must be able to fetch the answer, so the end waits until it is stored.
            self._closing = frame.raw
            self.is_closed = self.is_sealed = True
        else:
            self._raw += frame.raw
            self.wake()

    def _append_token(self, token: str) -> None:
        if not self.token_count:
            self._on_first_token()
        self.token_count += 1
        text = self._repair.feed(token)
        if text:
            self._pending.append(text)
            self._length += len(text)

    def seal(self) -> None:
        """Takes nothing more: what is there is the reply."""
        self.is_sealed = True
        rest = self._repair.flush()
        if rest:
            self._pending.append(rest)
            self._length += len(rest)

    def finish(self, end: End) -> None:
        """Lets the readers have the end, and with it the closing frame if one came. The first end counts."""
        if self.end is None:
            self.is_sealed = True
            if not end.reconnect:
                self._raw += self._closing
            self.end = end
            self.wake()

    def text(self, offset: int = 0, max_chars: int | None = None) -> str:
        """The text from `offset` (code points) on, of which `max_chars` at most."""
        self._join_pending()
        end = self._length if max_chars is None else offset + max_chars
        first = max(bisect_right(self._starts, offset) - 1, 0)
        text = "".join(self._stretches[first : bisect_left(self._starts, end)])
        start = self._starts[first] if text else 0
        return text[offset - start : end - start]

    def _join_pending(self) -> None:
        if self._pending:
            stretch = "".join(self._pending)
            self._pending.clear()
            self._starts.append(self._length - len(stretch))
            self._stretches.append(stretch)

    def frames(self, position: int = 0, max_bytes: int | None = None) -> bytes:
        """The frames that readers may have so far, from `position` on, of which `max_bytes` at most (bytes)."""
        if position == len(self._raw):
            return b""
        return bytes(memoryview(self._raw)[position : None if max_bytes is None else position + max_bytes])

    def wake(self) -> None:
        """Lets every waiting reader look again."""
        if self._waiters:
            self._waiters = [look for look in self._waiters if look()]

    def await_news(self, look: Callable[[], bool]) -> None:
        """Calls `look` at whatever comes, for as long as it returns True: it waits on. It must not raise."""
        self._waiters.append(look)
