"""Reads the items of a JSON document while it arrives, within limits of depth, size and number of values."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, cast

import ijson  # pyright: ignore[reportMissingTypeStubs]
from attrs import define, field, frozen

from chatcore_service.transfers.spool import Spool

#: Most levels of a document.
MAX_LEVELS: Final = 100
#: Most bytes of an item.
MAX_ITEM_BYTES: Final = 64 * 1024 * 1024
#: Most bytes of one text or number. While it is read, it takes up to 12 times as many if it has emoji.
MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
#: Most values of an item that are kept; each takes about a hundred bytes.
MAX_VALUES: Final = 500_000

# In the middle of a long text, the parser begins at its beginning again whenever more bytes come. So it gets them only
# when they are this part of what it has.
_PATIENCE: Final = 4

_STARTS: Final[Mapping[str, Callable[[], Any]]] = {"start_map": dict[str, Any], "start_array": list[Any]}
_ENDS = frozenset({"end_map", "end_array"})


class MalformedError(Exception):
    """Reports that a document is not JSON, or has a text or number beyond the limits; nothing after can be read."""


@frozen
class Item:
    """An item of a document: its value or, if it breaks a limit, a sentence fragment that says so."""

    value: Any
    problem: str | None = None


@define
class JsonItems:
    """Builds the items of a document from its bytes. Fields that nobody asked for are passed over.

    Args:
        level: the level at which items begin: 0 for the document itself, 1 for the elements of its array.
        fields: the names of the fields that are kept.
        spooled_field: the name of a field of the item whose array or object has most of the item. What it contains is
            kept in the spool until the item was taken. If it is an object, all its fields are kept.
        spool: where the contents of that field are kept.
    """

    level: int
    fields: Collection[str]
    spooled_field: str
    spool: Spool
    #: About how many bytes of an item that has not ended have arrived.
    item_bytes: int = field(default=0, init=False)
    _events: Any = field(factory=ijson.sendable_list, init=False)
    _parser: Any = field(init=False)
    _depth: int = field(default=0, init=False)
    # The depth below which everything is passed over; None if nothing is.
    _skip_from: int | None = field(default=None, init=False)
    # The open containers of the item, each with the name of the field that has it.
    _open: list[tuple[Any, str | None]] = field(factory=list[tuple[Any, str | None]], init=False)
    _key: str | None = field(default=None, init=False)
    _values: int = field(default=0, init=False)
    # How many bytes of the item had arrived when something was put into the spool.
    _spooled_bytes: int = field(default=0, init=False)
    _problem: str | None = field(default=None, init=False)
    # How many bytes were parsed since the last event.
    _silent_bytes: int = field(default=0, init=False)
    # What has arrived and was not parsed.
    _pending: bytearray = field(factory=bytearray, init=False)

    def __attrs_post_init__(self) -> None:
        # Without this option, the library ends the process at a number of thousands of digits.
        self._parser = ijson.basic_parse_coro(self._events, use_float=True)

    @property
    def held_bytes(self) -> int:
        """Returns about how many bytes of an item that has not ended are in memory."""
        return self.item_bytes - self._spooled_bytes if self._problem is None else 0

    def feed(self, data: bytes) -> Iterator[Item]:
        """Yields the items that end in the next bytes.

        Raises:
            MalformedError: the document cannot be read any further.
        """
        self._pending += data
        if len(self._pending) * _PATIENCE > self._silent_bytes:
            yield from self._parse()
        elif self._silent_bytes + len(self._pending) > MAX_TEXT_BYTES:
            raise MalformedError

    def _parse(self) -> Iterator[Item]:
        data = bytes(self._pending)
        self._pending.clear()
        if not data:
            return  # The parser would take nothing for the end.
        self._silent_bytes += len(data)
        error = self._advance(data)
        if error is not None and not isinstance(error, ijson.JSONError):
            # Nobody knows what the events are then.
            raise MalformedError from error
        if self._events:
            self._silent_bytes = 0
        for event, value in self._events:
            yield from self._take(event, value)
        self._events.clear()
        if error is not None or self._silent_bytes > MAX_TEXT_BYTES:
            raise MalformedError from error
        self.item_bytes = self.item_bytes + len(data) if self._depth > self.level else 0
        if self.item_bytes > MAX_ITEM_BYTES:
            self._fail(f"has more than {MAX_ITEM_BYTES // 1024**2} MiB")

    def end(self) -> Iterator[Item]:
        """Yields the items that the end of the document ends.

        Raises:
            MalformedError: the document is not whole.
        """
        yield from self._parse()
        try:
            self._parser.close()
        except Exception as error:
            raise MalformedError from error
        for event, value in self._events:
            yield from self._take(event, value)

    def _advance(self, data: bytes) -> Exception | None:
        try:
            self._parser.send(data)
        except Exception as error:  # noqa: BLE001 - the library raises errors of several kinds
            return error
        return None

    def _take(self, event: str, value: Any) -> Iterator[Item]:  # noqa: ANN401 - a JSON value
        if event in _STARTS:
            self._start(event)
        elif event in _ENDS:
            yield from self._end()
        elif event == "map_key":
            self._key = value
            if self._skip_from is None and self._open and not self._keeps(value):
                self._skip_from = self._depth
        else:
            yield from self._scalar(value)

    def _keeps(self, name: str) -> bool:
        return name in self.fields or self._is_in_spooled_field()

    def _is_in_spooled_field(self) -> bool:
        return len(self._open) == 2 and self._open[-1][1] == self.spooled_field  # noqa: PLR2004 - the value of a field of an item

    def _start(self, event: str) -> None:
        is_kept = self._depth >= self.level and self._skip_from is None
        self._depth += 1
        if self._depth > MAX_LEVELS:
            self._fail(f"has more than {MAX_LEVELS} levels")
        elif is_kept:
            self._open.append((_STARTS[event](), self._key))
            self._count()

    def _end(self) -> Iterator[Item]:
        self._depth -= 1
        if self._skip_from is not None:
            self._stop_skipping()
        elif self._open:
            container, name = self._open.pop()
            if self._open:
                self._put(container, name)
            else:
                yield from self._finish(container)
            return
        if self._depth == self.level and self._problem is not None:
            yield from self._finish(None)

    def _scalar(self, value: Any) -> Iterator[Item]:  # noqa: ANN401 - a JSON value
        if self._skip_from is not None:
            self._stop_skipping()
        elif self._open:
            self._put(value, self._key)
            self._count()
        elif self._depth == self.level:
            yield Item(value)

    def _stop_skipping(self) -> None:
        # The value of the field that is passed over has ended, unless the whole item is passed over.
        if self._depth == self._skip_from and self._problem is None:
            self._skip_from = None

    def _put(self, value: Any, name: str | None) -> None:  # noqa: ANN401 - a JSON value
        container = self._open[-1][0]
        if self._is_in_spooled_field():
            try:
                value = self.spool.put(value)
            except OSError:
                self._fail("does not fit onto the disk of this service")
                return
            self._spooled_bytes = self.item_bytes
        if isinstance(container, list):
            cast("list[object]", container).append(value)
        else:
            container[name] = value

    def _count(self) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            self._fail(f"has more than {MAX_VALUES} values")

    def _fail(self, problem: str) -> None:
        """Passes over the rest of the item."""
        if self._depth > self.level and self._problem is None:
            self._problem = problem
            self._open.clear()
            self._skip_from = self.level

    def _finish(self, value: Any) -> Iterator[Item]:  # noqa: ANN401 - a JSON value
        item = Item(value, self._problem)
        self._values, self._problem, self._skip_from, self._key = 0, None, None, None
        self.item_bytes = self._spooled_bytes = 0
        yield item
        self.spool.clear()
