"""Encodes chunks of replies, and the service's own frames, as server-sent events."""

from collections.abc import Callable, Iterator, Sequence
from json import JSONEncoder
from typing import Protocol, TypeVar

from chatcore import End, ReplyError, Stretch
from chatcore.conversations.parts import PartKind
from chatcore.conversations.places import Place
from chatcore_service.streaming.direct_writer import DirectWriter

KEEP_ALIVE = b": keep-alive\n\n"
RECONNECT = b": reconnect\n\n"

#: Most bytes written to the socket at once, so that a long replay delays no other stream and buffers little.
MAX_WRITE_BYTES = 64 * 1024
# A code point takes at most twelve characters of JSON, those of an escaped surrogate pair.
_MAX_FRAME_CHARS = 5000

# The key of a frame that has text or reasoning.
_FIELDS = {PartKind.TEXT: "token", PartKind.REASONING: "reasoning"}

_DONE = 'data: {"done":true}\n\n'

# The JSON has only ASCII, so that no text can end a line or a frame, or contain bytes that a decoder rejects.
_quoted = JSONEncoder(ensure_ascii=True).encode

Chunk_contra = TypeVar("Chunk_contra", contravariant=True)


class Encoder(Protocol[Chunk_contra]):
    """Encodes the chunks of a reader as bytes of an event stream."""

    def encode(self, chunk: Chunk_contra) -> Sequence[bytes] | Iterator[bytes]:
        """Encodes a chunk in pieces of at most 64 KiB."""
        ...

    def onto(self, writer: DirectWriter) -> Callable[[Chunk_contra], bool]:
        """Returns a function that writes a chunk with `writer`, and returns whether the writer sent it."""
        ...

    def end(self, end: End) -> bytes:
        """Encodes the end of a stream; the result may be empty."""
        ...


class FrameEncoder(Encoder[bytes]):
    """Passes the frames of the inference service through unchanged."""

    def encode(self, chunk: bytes) -> Sequence[bytes] | Iterator[bytes]:
        """Returns the frames unchanged, in pieces of at most 64 KiB."""
        return (chunk,) if len(chunk) <= MAX_WRITE_BYTES else _slices(chunk)

    def onto(self, writer: DirectWriter) -> Callable[[bytes], bool]:
        """Returns the writer's own method, because frames need no encoding."""
        return writer.write

    def end(self, end: End) -> bytes:
        """Encodes the end of a stream; empty after a complete reply, whose closing frame was among its frames."""
        if end.reconnect:
            return RECONNECT
        return b"" if end.error is None else (_error_frame(end.error) + _DONE).encode()


class LogEncoder(Encoder[Stretch]):
    """Encodes the log of a reply. The id of a frame is the number of code points of the log up to the frame's end.

    From the second generation of a reply on, the id also has the number of the generation. The id of the closing frame
    ends in ``-end``.

    Args:
        place: what the reader has.
    """

    def __init__(self, place: Place) -> None:
        self._offset = place.position
        # The end of every id of this generation; an id is composed for every token.
        self._suffix = _suffix(place.generation)

    def encode(self, chunk: Stretch) -> Iterator[bytes]:
        """Yields frames with the text, the reasoning or the data, or a rewind frame if the reader must drop some."""
        if chunk.generation is not None:
            self._suffix = _suffix(chunk.generation)
        if chunk.is_rewind and chunk.end_offset < self._offset:
            yield f'id: {chunk.end_offset}{self._suffix}\ndata: {{"rewind":{chunk.end_offset}}}\n\n'.encode()
        self._offset = chunk.end_offset
        if chunk.kind is PartKind.DATA:
            yield from _slices(f"id: {chunk.end_offset}{self._suffix}\ndata: {chunk.text}\n\n".encode())
            return
        field = _FIELDS[chunk.kind]
        start = chunk.end_offset - len(chunk.text)
        for index in range(0, len(chunk.text), _MAX_FRAME_CHARS):
            text = chunk.text[index : index + _MAX_FRAME_CHARS]
            end = start + index + len(text)
            yield f'id: {end}{self._suffix}\ndata: {{"{field}":{_quoted(text)}}}\n\n'.encode()

    def onto(self, writer: DirectWriter) -> Callable[[Stretch], bool]:
        """Returns a function that encodes a chunk and writes all frames with one call of the writer."""
        return lambda chunk: writer.write(b"".join(self.encode(chunk)))

    def end(self, end: End) -> bytes:
        """Encodes the end of a stream: an error frame if the reply is not complete, and the closing frame."""
        if end.reconnect:
            return RECONNECT
        # The mark tells a reader that was told the end from one that only has all of the text.
        error = "" if end.error is None else f"id: {self._offset}{self._suffix}\n{_error_frame(end.error)}"
        return f"{error}id: {self._offset}{self._suffix}-end\n{_DONE}".encode()


def _suffix(generation: int) -> str:
    """Returns the end of every id of a generation; :attr:`Place.id` is such an id."""
    return Place(0, generation).id[1:]


def _slices(chunk: bytes) -> Iterator[bytes]:
    for index in range(0, len(chunk), MAX_WRITE_BYTES):
        yield chunk[index : index + MAX_WRITE_BYTES]


def _error_frame(error: ReplyError) -> str:
    return f'data: {{"error":"{error.value}","detail":{_quoted(error.sentence)}}}\n\n'
