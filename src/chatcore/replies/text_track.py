"""Records text that grows by tokens."""

from bisect import bisect_left, bisect_right

from chatcore.text import TextRepair

# This many short stretches are joined into a long one: a string's overhead is as large as the text of a checkpoint.
_MOST_SHORT_STRETCHES = 32


class TextTrack:
    """Grows by tokens and is read from any offset on; offsets and lengths are in code points."""

    __slots__ = ("_length", "_long_stretches", "_repair", "_starts", "_stretches", "_token_count", "pending")

    def __init__(self) -> None:
        self._repair = TextRepair()
        #: The tokens since the last request for text; whoever adds a token appends it here. Tokens are joined when text
        #: is requested, usually four times a second: a string per token costs memory.
        self.pending: list[str] = []
        self._stretches: list[str] = []
        self._long_stretches = 0
        self._starts: list[int] = []
        self._length = 0
        # The count leaves out the pending tokens.
        self._token_count = 0

    @property
    def length(self) -> int:
        """Returns how much text has arrived."""
        self._join_pending()
        return self._length

    @property
    def token_count(self) -> int:
        """Returns how many tokens have arrived."""
        return self._token_count + len(self.pending)

    def text(self, offset: int = 0, max_chars: int | None = None) -> str:
        """Returns the text from `offset` on, at most `max_chars` of it."""
        chunk_offset, chunk = self._length, self._join_pending()
        if offset == chunk_offset and max_chars is None:
            return chunk  # Each checkpoint takes this branch.
        end = self._length if max_chars is None else offset + max_chars
        first = max(bisect_right(self._starts, offset) - 1, 0)
        text = "".join(self._stretches[first : bisect_left(self._starts, end)])
        start = self._starts[first] if text else 0
        return text[offset - start : end - start]

    def restore(self, text: str) -> None:
        """Appends text that has no tokens; nothing may have arrived before."""
        self._add(text)

    def flush(self) -> None:
        """Appends what was held back for a next token."""
        self._join_pending()
        self._add(self._repair.flush())

    def _join_pending(self) -> str:
        """Moves the pending tokens into the text and returns the text that they add."""
        if not self.pending:
            return ""
        tokens = "".join(self.pending)
        self._token_count += len(self.pending)
        self.pending.clear()
        text = self._repair.feed(tokens)
        self._add(text)
        return text

    def _add(self, text: str) -> None:
        if not text:
            return
        self._starts.append(self._length)
        self._stretches.append(text)
        self._length += len(text)
        if len(self._stretches) - self._long_stretches == _MOST_SHORT_STRETCHES:
            self._stretches[self._long_stretches :] = ["".join(self._stretches[self._long_stretches :])]
            self._long_stretches += 1
            del self._starts[self._long_stretches :]
