"""Tests that items are built from JSON in chunks of any size, within their limits."""

from __future__ import annotations

import json
from errno import ENOSPC
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore_service.transfers import json_items
from chatcore_service.transfers.json_items import Item, JsonItems, MalformedError
from chatcore_service.transfers.spool import Spool, Spooled

_SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8"))
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abxyz"), inner),
    max_leaves=20,
)


def items_of(document: bytes, size: int = 1, *, level: int = 1, spooled_field: str = "s") -> list[Item]:
    items = json_items_at(level, spooled_field)
    parts = [document[start : start + size] for start in range(0, len(document), size)]
    found = [Item(unspooled(item.value), item.problem) for part in parts for item in items.feed(part)]
    return [*found, *(Item(unspooled(item.value), item.problem) for item in items.end())]


def json_items_at(level: int = 1, spooled_field: str = "s") -> JsonItems:
    return JsonItems(level, frozenset("ab"), spooled_field, Spool(BytesIO()))


def unspooled(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """Returns a value with what is in the spool in its place."""
    match value:
        case Spooled():
            return value.read()
        case dict():
            return {name: unspooled(each) for name, each in value.items()}
        case list():
            return [unspooled(each) for each in value]
        case _:
            return value


def kept(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """Returns a value without the fields that nobody asked for."""
    if isinstance(value, dict):
        return {name: kept(each) for name, each in value.items() if name in "ab"}
    return [kept(each) for each in value] if isinstance(value, list) else value


@given(values=st.lists(_VALUES, max_size=5), size=st.integers(1, 50))
def test_the_elements_of_an_array_are_found_in_chunks_of_any_size(values: list[Any], size: int) -> None:
    found = items_of(json.dumps(values).encode(), size)

    assert found == [Item(kept(value)) for value in values]


@given(value=_VALUES, size=st.integers(1, 50))
def test_a_whole_document_is_an_item(value: object, size: int) -> None:
    assert items_of(json.dumps(value).encode(), size, level=0) == [Item(kept(value))]


def test_the_fields_of_the_spooled_object_are_all_kept() -> None:
    document = b'[{"b":{"n1":{"a":1,"x":2},"n2":3},"x":{"n1":4}}]'

    assert items_of(document, spooled_field="b") == [Item({"b": {"n1": {"a": 1}, "n2": 3}})]


def test_what_the_spool_has_is_not_held_in_memory() -> None:
    items = json_items_at(spooled_field="a")
    element = json.dumps("x" * 1000).encode() + b","
    list(items.feed(b'[{"b":2,"a":['))

    held = list[int]()
    for _ in range(100):
        list(items.feed(element))
        held.append(items.held_bytes)

    assert items.item_bytes > 100_000
    assert max(held) < 3000


def test_an_item_that_does_not_fit_onto_the_disk_is_passed_over_and_the_next_one_read() -> None:
    items = JsonItems(1, frozenset("ab"), "a", Spool(FullDisk()))

    first, second = items.feed(b'[{"a":[1,{"b":2}],"b":{"a":1}},{"b":1}]')

    assert first == Item(None, "does not fit onto the disk of this service")
    assert second == Item({"b": 1})


class FullDisk(BytesIO):
    """A file on a disk without room."""

    def write(self, *_: object) -> int:
        raise OSError(ENOSPC, "No space left on device")


@pytest.mark.parametrize("nested", ['"a":', '"x":'])
def test_an_item_with_too_many_levels_is_passed_over_and_the_next_one_read(nested: str) -> None:
    deep = f"{{{nested}" * 100 + "1" + "}" * 100

    first, second = items_of(f'[{deep},{{"a":1}}]'.encode(), 7)

    assert first == Item(None, "has more than 100 levels")
    assert second == Item({"a": 1})


def test_an_item_with_too_many_values_or_bytes_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_items, "MAX_VALUES", 10)
    assert items_of(b"[[1,2,3,4,5,6,7,8,9],[1,2,3,4,5,6,7,8,9,0],[1]]") == [
        Item([1, 2, 3, 4, 5, 6, 7, 8, 9]),
        Item(None, "has more than 10 values"),
        Item([1]),
    ]
    monkeypatch.setattr(json_items, "MAX_ITEM_BYTES", 20)
    first, second = items_of(b'[["' + b"x" * 30 + b'"],[1]]')
    assert first.problem is not None
    assert second == Item([1])


def test_many_items_may_have_any_size_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_items, "MAX_ITEM_BYTES", 20)

    found = items_of(json.dumps([[number] for number in range(1000)]).encode(), 7)

    assert found == [Item([number]) for number in range(1000)]


def test_a_text_beyond_the_limit_ends_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_items, "MAX_TEXT_BYTES", 100)
    items = json_items_at()
    list(items.feed(b'["'))
    for _ in range(9):
        list(items.feed(b"x" * 10))

    with pytest.raises(MalformedError):
        list(items.feed(b"x" * 11))


@pytest.mark.parametrize(
    "document",
    [b"", b"[", b"[1,]", b"[1] 2", b"[NaN]", b'["\xff"]', b"[1", b'["\xed\xa0\x80"]', b"[" + b"9" * 5000 + b"]"],
)
def test_what_is_no_json_is_malformed(document: bytes) -> None:
    with pytest.raises(MalformedError):
        items_of(document)


def test_what_comes_before_the_error_is_found() -> None:
    items = json_items_at().feed(b'[{"a":1},2,}')

    assert [next(items), next(items)] == [Item({"a": 1}), Item(2)]
    with pytest.raises(MalformedError):
        next(items)
