"""Draws figures as SVG: bars, each with a line from the least to the most."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from attrs import frozen
from benchmarks.figures import Spread, figure_of, in_relation, shown
from benchmarks.results import Results
from benchmarks.subjects import CHATCORE, NGINX

_WIDTH, _BARS_AT, _BARS_WIDTH = 900, 210, 420
_BAR, _STEP, _TITLE, _MARGIN = 18, 26, 34, 16
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'
_OURS, _THEIRS, _TEXT = "#b4502b", "#8a94a0", "#2b2f36"


@frozen
class Bar:
    """A figure of one subject."""

    label: str
    value: Spread
    remark: str = ""


#: A title, and bars on one scale, which begins at 0.
Panel = tuple[str, Sequence[Bar]]


def panels(document: Results) -> Iterator[Panel]:
    """Yields the panels: the CPU time of a token with each number of streams, and the most streams."""
    if part := document.get("streams"):
        for count, turns in sorted(part["rounds"].items(), key=lambda item: int(item[0])):
            by_subject = {each: [figure_of(turn, each, "cpu_micros") for turn in turns] for each in (NGINX, CHATCORE)}
            values = {subject: Spread.of(figures) for subject, figures in by_subject.items()}
            least = values[NGINX].median
            bars = [Bar(each, value, in_relation(value.median, least)) for each, value in values.items()]
            yield f"CPU µs a relayed token, {int(count):,} streams of 20 tokens/s", bars
    if part := document.get("most"):
        remarks = {True: "or more: the tools were the limit", False: ""}
        found = [(most["subject"], most["streams"], remarks[most["is_limit_of_tools"]]) for most in part["found"]]
        bars = [Bar(subject, Spread.of([streams]), remark) for subject, streams, remark in found]
        yield "Most streams of 20 tokens/s, 99 % of tokens relayed in under 100 ms", bars


def svg(drawn: Iterable[Panel]) -> str:
    """Returns the picture, whose size follows from its panels."""
    parts: list[str] = []
    top = _MARGIN
    for title, bars in drawn:
        scale = _BARS_WIDTH / (max(bar.value.most for bar in bars) or 1.0)
        parts.append(f'<text x="{_MARGIN}" y="{top + 16}" font-weight="600" fill="{_TEXT}">{escape(title)}</text>')
        for number, bar in enumerate(bars):
            parts.extend(_bar(bar, top + _TITLE + number * _STEP, scale))
        top += _TITLE + _STEP * len(bars) + _MARGIN
    size = f'width="{_WIDTH}" height="{top}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" {size} {_FONT}>'
    return "\n".join([opening, f'<rect {size} fill="#ffffff"/>', *parts, "</svg>", ""])


def _bar(bar: Bar, top: int, scale: float) -> Iterator[str]:
    width, (least, most) = bar.value.median * scale, (_BARS_AT + x * scale for x in (bar.value.least, bar.value.most))
    middle, text = top + _BAR / 2, top + _BAR - 4
    fill = _OURS if bar.label == CHATCORE else _THEIRS
    yield f'<text x="{_BARS_AT - 8}" y="{text}" text-anchor="end" fill="{_TEXT}">{escape(bar.label)}</text>'
    yield f'<rect x="{_BARS_AT}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{fill}"/>'
    if least != most:
        yield f'<path d="M{least:.1f} {middle}H{most:.1f}" stroke="{_TEXT}" stroke-width="2"/>'
    caption = " ".join(part for part in (shown(bar.value.median), bar.remark) if part)
    yield f'<text x="{most + 8:.1f}" y="{text}" fill="{_TEXT}">{escape(caption)}</text>'
