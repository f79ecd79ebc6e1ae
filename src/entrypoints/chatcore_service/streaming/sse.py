"""Server-sent events: what our own frames look like."""

from collections.abc import Callable, Iterator, Sequence
from json import JSONEncoder
from typing import Protocol, TypeVar

from chatcore import End, ReplyError, Stretch
from chatcore_service.streaming.direct_writer import DirectWriter

KEEP_ALIVE = b": keep-alive\n\n"
RECONNECT = b": reconnect\n\n"

#: Most bytes handed to the socket at once, so that one long replay holds nobody up and buffers little.
MAX_WRITE_BYTES = 64 * 1024
# A code point takes twelve characters of JSON at most: a surrogate pair in escapes.
_MAX_FRAME_CHARS = 5000

_DONE = 'data: {"done":true}\n\n'

# In ASCII, so that no text whatsoever can end a line, or a frame, or a decoder's patience.
_quoted = JSONEncoder(ensure_ascii=True).encode

Chunk_contra = TypeVar("Chunk_contra", contravariant=True)


class Encoder(Protocol[Chunk_contra]):
    """Turns what a reader gives into bytes for the wire."""

    def encode(self, chunk: Chunk_contra) -> Sequence[bytes] | Iterator[bytes]:
        """What a reader took, in chunks of at most 64 KiB."""
        ...

    def onto(self, writer: DirectWriter) -> Callable[[Chunk_contra], bool]:
        """What sends chunk by `writer` if it takes them now, and returns whether it did."""
        ...

    def end(self, end: End) -> bytes:
        """The last bytes of a stream; may be none."""
        ...


class FrameEncoder(Encoder[bytes]):
    """The frames of the inference service, untouched."""

    def encode(self, chunk: bytes) -> Sequence[bytes] | Iterator[bytes]:
        """See :meth:`Encoder.encode`."""
        return (chunk,) if len(chunk) <= MAX_WRITE_BYTES else _slices(chunk)

    def onto(self, writer: DirectWriter) -> Callable[[bytes], bool]:
        """The line itself: nothing stands between it and the frames."""
        return writer.write

    def end(self, end: End) -> bytes:
        """Nothing after a complete reply: its closing frame was among the frames."""
        if end.reconnect:
            return RECONNECT
        return b"" if end.error is None else (_error_frame(end.error) + _DONE).encode()


class TextEncoder(Encoder[Stretch]):
    """Text, each frame with the number of code points up to its end as its id."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def encode(self, chunk: Stretch) -> Iterator[bytes]:
        """See :meth:`Encoder.encode`."""
        self._offset = chunk.end_offset
        if chunk.is_rewind:
            yield f'id: {chunk.end_offset}\ndata: {{"rewind":{chunk.end_offset}}}\n\n'.encode()
        start = chunk.end_offset - len(chunk.text)
        for index in range(0, len(chunk.text), _MAX_FRAME_CHARS):
            text = chunk.text[index : index + _MAX_FRAME_CHARS]
            yield f'id: {start + index + len(text)}\ndata: {{"token":{_quoted(text)}}}\n\n'.encode()

    def onto(self, writer: DirectWriter) -> Callable[[Stretch], bool]:
        """See :meth:`Encoder.onto`."""
        return lambda chunk: writer.write(b"".join(self.encode(chunk)))

    def end(self, end: End) -> bytes:
        """See :meth:`Encoder.end`."""
        if end.reconnect:
            return RECONNECT
        event_id = f"id: {self._offset}\n"
        error = "" if end.error is None else event_id + _error_frame(end.error)
        return (error + event_id + _DONE).encode()


def _slices(chunk: bytes) -> Iterator[bytes]:
    for index in range(0, len(chunk), MAX_WRITE_BYTES):
        yield chunk[index : index + MAX_WRITE_BYTES]


def _error_frame(error: ReplyError) -> str:
    return f'data: {{"error":"{error.value}","detail":{_quoted(error.sentence)}}}\n\n'
