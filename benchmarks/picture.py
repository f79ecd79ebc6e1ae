"""The figures as a picture: bars with their spread, as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from attrs import frozen
from benchmarks.spread import TIMES, Spread, in_relation, shown
from benchmarks.subjects import BYTES_RELAY, CHATCORE
from benchmarks.summary import spread

_WIDTH, _BARS_AT, _BARS_WIDTH = 900, 210, 420
_BAR, _STEP, _TITLE = 18, 26, 34
_MARGIN = 16
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'
_OURS, _THEIRS, _WHISKER, _TEXT = "#b4502b", "#8a94a0", "#2b2f36", "#2b2f36"


@frozen
class Bar:
    """One subject's figure."""

    label: str
    value: Spread
    #: Said behind the figure.
    remark: str = ""
    is_ours: bool = False


@frozen
class Panel:
    """Bars on one scale, which begins at nothing."""

    title: str
    bars: Sequence[Bar]


def panels(document: Mapping[str, Any]) -> Sequence[Panel]:
    """What is worth a picture: CPU a token, the most streams, and CPU a token from few to many."""
    streams, most, growth = document.get("streams"), document.get("most"), document.get("growth")
    shown_panels = [_cpu_panel(count, streams) for count in sorted(streams["rounds"], key=int)] if streams else []
    if most:
        shown_panels.append(_most_panel(most))
    if growth:
        shown_panels.append(_growth_panel(growth))
    return shown_panels


def _cpu_panel(count: str, part: Mapping[str, Any]) -> Panel:
    turns, limit = part["rounds"][count], part["limit"]
    least = spread(turns, limit, "cpu_micros").median
    subjects = dict.fromkeys((limit, BYTES_RELAY, CHATCORE))
    bars = [(subject, spread(turns, subject, "cpu_micros")) for subject in subjects]
    return Panel(
        f"CPU µs a relayed token, {int(count):,} streams of 20 tokens/s",
        [
            Bar(subject, value, f"{in_relation(value.median, least):.2f} {TIMES}", is_ours=subject == CHATCORE)
            for subject, value in bars
        ],
    )


def _most_panel(part: Mapping[str, Any]) -> Panel:
    return Panel(
        "Most streams of 20 tokens/s, 99 % of tokens relayed in under 100 ms",
        [
            Bar(
                most["subject"],
                Spread.of([most["streams"]]),
                "or more: the tools were the limit" if most["is_limit_of_tools"] else "",
                is_ours=most["subject"] == CHATCORE,
            )
            for most in part["found"]
        ],
    )


def _growth_panel(part: Mapping[str, Any]) -> Panel:
    bars = []
    for count, turns in sorted(part["rounds"].items(), key=lambda item: int(item[0])):
        ours, least = (spread(turns, subject, "cpu_micros") for subject in (CHATCORE, part["limit"]))
        times = f"{in_relation(ours.median, least.median):.2f} {TIMES}"
        bars += [Bar(f"{int(count):,} streams", ours, times, is_ours=True), Bar(part["limit"], least)]
    return Panel("CPU µs a relayed token, from few streams to many", bars)


def svg(shown_panels: Sequence[Panel]) -> str:
    """The picture. Its size follows from what is in it, and every number in it is finite."""
    parts: list[str] = []
    top = _MARGIN
    for panel in shown_panels:
        parts.extend(_panel(panel, top))
        top += _TITLE + _STEP * len(panel.bars) + _MARGIN
    size = f'width="{_WIDTH}" height="{top}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" {size} {_FONT}>'
    return "\n".join([opening, f'<rect {size} fill="#ffffff"/>', *parts, "</svg>", ""])


def _panel(panel: Panel, top: int) -> Iterator[str]:
    most = max((bar.value.most for bar in panel.bars), default=0.0) or 1.0
    yield f'<text x="{_MARGIN}" y="{top + 16}" font-weight="600" fill="{_TEXT}">{escape(panel.title)}</text>'
    for number, bar in enumerate(panel.bars):
        yield from _bar(bar, top + _TITLE + number * _STEP, _BARS_WIDTH / most)


def _bar(bar: Bar, top: int, scale: float) -> Iterator[str]:
    value = bar.value
    width, least, most = (_BARS_AT * edge + figure * scale for edge, figure in _edges(value))
    middle, text = top + _BAR / 2, top + _BAR - 4
    fill = _OURS if bar.is_ours else _THEIRS
    yield f'<text x="{_BARS_AT - 8}" y="{text}" text-anchor="end" fill="{_TEXT}">{escape(bar.label)}</text>'
    yield f'<rect x="{_BARS_AT}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{fill}"/>'
    if value.least != value.most:
        yield f'<path d="M{least:.1f} {middle}H{most:.1f}" stroke="{_WHISKER}" stroke-width="2"/>'
    said = " ".join(part for part in (shown(value.median), bar.remark) if part)
    yield f'<text x="{most + 8:.1f}" y="{text}" fill="{_TEXT}">{escape(said)}</text>'


def _edges(value: Spread) -> Sequence[tuple[int, float]]:
    """A width, which begins at nothing, and two places, which begin where bars do."""
    return ((0, value.median), (1, value.least), (1, value.most))
