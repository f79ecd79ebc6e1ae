"""The log of a reply in the built-in page, and the reader of its stream, one step at a time."""

from __future__ import annotations

import pytest

from tests.browser.console_page import ConsolePage

LOG = """(() => {
  const { message, events } = argument;
  const log = message ? module.ReplyLog.of(message) : new module.ReplyLog();
  const ends = events.map(([id, data]) => {
    try {
      return log.take({ id, data: JSON.stringify(data) });
    } catch (failure) {
      return failure.constructor.name;
    }
  });
  return { parts: log.parts.map(({ type, text, data }) => [type, text ?? data]), lastId: log.lastId, ends };
})()"""

EVENTS = """(() => {
  const parser = new module.EventParser();
  return argument.flatMap((text) => [...parser.take(text)]).map(({ id, type, data }) => [id, type, data]);
})()"""


async def take(console: ConsolePage, *events: tuple[str, object], message: object = None) -> dict[str, object]:
    taken: dict[str, object] = await console.evaluate(
        "replies/reply-log.js", LOG, {"message": message, "events": [list(event) for event in events]}
    )
    return taken


async def test_parts_are_collected_in_their_order(console: ConsolePage) -> None:
    taken = await take(
        console,
        ("2", {"reasoning": "hm"}),
        ("4", {"reasoning": "hm"}),
        ("6", {"token": "Yo"}),
        ("17", {"tool": "x"}),
        ("18", {"token": "u"}),
        ("18-end", {"done": True}),
    )

    assert taken["parts"] == [["reasoning", "hmhm"], ["text", "Yo"], ["data", {"tool": "x"}], ["text", "u"]]
    assert taken["lastId"] == "18-end"
    assert taken["ends"] == [None] * 5 + [{"error": None}]


async def test_a_rewind_keeps_code_points(console: ConsolePage) -> None:
    taken = await take(console, ("4", {"token": "a😀bc"}), ("2-2", {"rewind": 2}), ("3-2", {"token": "!"}))

    assert taken["parts"] == [["text", "a😀!"]]
    assert taken["lastId"] == "3-2"


async def test_a_rewind_drops_whole_parts_and_no_half_data(console: ConsolePage) -> None:
    taken = await take(
        console, ("2", {"token": "ab"}), ("13", {"tool": "x"}), ("14", {"token": "c"}), ("7", {"rewind": 7})
    )

    assert taken["parts"] == [["text", "ab"]]


async def test_a_log_begins_with_what_the_document_shows(console: ConsolePage) -> None:
    message = {"content": "a😀", "stream_id": "2"}
    taken = await take(console, ("4", {"token": "bc"}), ("1", {"rewind": 1}), message=message)

    assert taken["parts"] == [["text", "a"]]


async def test_where_the_length_of_data_is_not_known_a_rewind_behind_it_starts_over(console: ConsolePage) -> None:
    parts = [{"type": "text", "text": "ab"}, {"type": "data", "data": {"x": 1.0}}, {"type": "text", "text": "cd"}]
    message = {"content": "abcd", "parts": parts, "stream_id": "13"}

    assert (await take(console, ("12", {"rewind": 12}), message=message))["ends"] == ["StartOver"]
    before = await take(console, ("1", {"rewind": 1}), message=message)
    assert before["parts"] == [["text", "a"]]


async def test_an_error_is_reported_and_what_is_no_object_is_ignored(console: ConsolePage) -> None:
    taken = await take(
        console, ("1", {"token": "a"}), ("1", [1]), ("1", None), ("1", {"error": "stopped"}), ("1-end", {"done": True})
    )

    assert taken["parts"] == [["text", "a"]]
    assert taken["ends"] == [None, None, None, {"error": "stopped"}, {"error": None}]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_events_are_read_however_the_text_is_cut(console: ConsolePage, size: int) -> None:
    stream = (
        ': hi\n\nid: 1\ndata: {"a":1}\n\nid: 2\r\ndata:x\r\ndata: y\r\n\r\nevent: deleted\rdata: z\r\r: bye\n\nid: 3\n'
    )
    cut = [stream[start : start + size] for start in range(0, len(stream), size)]

    assert await console.evaluate("service/event-stream.js", EVENTS, cut) == [
        ["1", "message", '{"a":1}'],
        ["2", "message", "x\ny"],
        ["2", "deleted", "z"],
    ]
