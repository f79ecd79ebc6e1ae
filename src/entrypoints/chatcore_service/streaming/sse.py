"""Server-sent events: what our own frames look like."""

from collections.abc import Callable, Iterator, Sequence
from json import JSONEncoder
from typing import Protocol, TypeVar

from chatcore import End, ReplyError, Stretch
from chatcore_service.streaming.direct_writer import Line

KEEP_ALIVE = b": keep-alive\n\n"
RECONNECT = b": reconnect\n\n"

#: Most bytes handed to the socket at once, so that one long replay holds nobody up and buffers little.
MAX_CHUNK_BYTES = 64 * 1024
# A code point takes twelve characters of JSON at most: a surrogate pair in escapes.
_MAX_CHUNK_CHARS = 5000

_DONE = 'data: {"done":true}\n\n'

# In ASCII, so that no text whatsoever can end a line, or a frame, or a decoder's patience.
_quoted = JSONEncoder(ensure_ascii=True).encode

News_contra = TypeVar("News_contra", contravariant=True)


class Encoder(Protocol[News_contra]):
    """Turns what a reader gives into bytes for the wire."""

    def news(self, news: News_contra) -> Sequence[bytes] | Iterator[bytes]:
        """What a reader took, in chunks of at most 64 KiB."""
        ...

    def onto(self, line: Line) -> Callable[[News_contra], bool]:
        """What sends news by `line` if it takes them now, and returns whether it did."""
        ...

    def end(self, end: End) -> bytes:
        """The last bytes of a stream; may be none."""
        ...


class FrameEncoder(Encoder[bytes]):
    """The frames of the inference service, untouched."""

    def news(self, news: bytes) -> Sequence[bytes] | Iterator[bytes]:
        """See :meth:`Encoder.news`."""
        return (news,) if len(news) <= MAX_CHUNK_BYTES else _slices(news)

    def onto(self, line: Line) -> Callable[[bytes], bool]:
        """The line itself: nothing stands between it and the frames."""
        return line.write

    def end(self, end: End) -> bytes:
        """Nothing after a complete reply: its closing frame was among the frames."""
        if end.reconnect:
            return RECONNECT
        return b"" if end.error is None else (_error_frame(end.error) + _DONE).encode()


class TextEncoder(Encoder[Stretch]):
    """Text, each frame with the number of code points up to its end as its id."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def news(self, news: Stretch) -> Iterator[bytes]:
        """See :meth:`Encoder.news`."""
        self._offset = news.end_offset
        if news.is_rewind:
            yield f'id: {news.end_offset}\ndata: {{"rewind":{news.end_offset}}}\n\n'.encode()
        start = news.end_offset - len(news.text)
        for index in range(0, len(news.text), _MAX_CHUNK_CHARS):
            text = news.text[index : index + _MAX_CHUNK_CHARS]
            yield f'id: {start + index + len(text)}\ndata: {{"token":{_quoted(text)}}}\n\n'.encode()

    def onto(self, line: Line) -> Callable[[Stretch], bool]:
        """See :meth:`Encoder.onto`."""
        return lambda news: line.write(b"".join(self.news(news)))

    def end(self, end: End) -> bytes:
        """See :meth:`Encoder.end`."""
        if end.reconnect:
            return RECONNECT
        event_id = f"id: {self._offset}\n"
        error = "" if end.error is None else event_id + _error_frame(end.error)
        return (error + event_id + _DONE).encode()


def _slices(news: bytes) -> Iterator[bytes]:
    for index in range(0, len(news), MAX_CHUNK_BYTES):
        yield news[index : index + MAX_CHUNK_BYTES]


def _error_frame(error: ReplyError) -> str:
    return f'data: {{"error":"{error.value}","detail":{_quoted(error.sentence)}}}\n\n'
