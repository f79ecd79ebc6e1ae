"""What the growth part found becomes figures and a picture, and what it cannot do without is said in a sentence."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from benchmarks.picture import panels, svg
from benchmarks.problem import BenchmarkError
from benchmarks.stored_users import StoredUser, require_disk
from benchmarks.subjects import CHATCORE, NGINX
from benchmarks.summary import notes, rows

TIMES = "\N{MULTIPLICATION SIGN}"


def measured(subject: str, cpu_micros: float, broken: str = "") -> dict[str, Any]:
    disturbance = {"stolen_share": 0.0, "others_share": 0.1}
    return {"subject": subject, "streams": 10, "cpu_micros": cpu_micros, "broken": broken, "spoiled": "", **disturbance}


def document(broken: str = "") -> dict[str, Any]:
    """A token costs 2 times what the limit's does with 10 streams, and 1.5 times with 1,700; a list 1.1 times."""
    costs = [
        {"kind": "list", "conversations": size, "database_ms": millis, "request_ms": 10 * millis}
        for size, millis in ((10, 0.05), (1_000, 0.1), (1_000_000, 0.11))
    ]
    rounds = {
        "1700": [[measured(NGINX, 20.0), measured(CHATCORE, 30.0)]],
        "10": [[measured(NGINX, 80.0), measured(CHATCORE, 160.0, broken)]],
    }
    return {"growth": {"machine": "2 cores", "limit": NGINX, "costs": costs, "rounds": rounds}}


def test_the_curve_goes_from_few_streams_to_many_beside_the_limit() -> None:
    first, second, *_ = rows(document())
    assert (first.what, first.ours, first.limit) == ("growth, 10 streams: CPU, µs a token", "160", "80.0")
    assert (first.ratio, second.ratio) == (f"2.00 {TIMES}", f"1.50 {TIMES}")
    assert second.what == "growth, 1,700 streams: CPU, µs a token"


def test_most_conversations_are_in_relation_to_the_fewest_that_fill_a_page() -> None:
    *_, in_database, asked = rows(document())
    assert in_database.what == "list, µs in PostgreSQL, of 10 / 1,000 / 1,000,000 conversations"
    assert (in_database.ours, in_database.ratio) == ("50.0 / 100 / 110", f"1.10 {TIMES} that of 1,000")
    assert (asked.ours, asked.ratio) == ("0.50 / 1.00 / 1.10", f"1.10 {TIMES} that of 1,000")


def test_a_curve_that_is_not_valid_says_so() -> None:
    assert not [said for said in notes(document()) if "NOT VALID" in said]
    assert f"NOT VALID: {CHATCORE}, 10 streams: a token was missing." in notes(document("a token was missing"))


def test_the_curve_is_in_the_picture() -> None:
    name = "{http://www.w3.org/2000/svg}"
    picture = ET.fromstring(svg(panels(document())))  # noqa: S314 - our own
    _, *bars = picture.findall(f"{name}rect")
    assert [float(bar.attrib["width"]) for bar in bars] == [420, 210, 78.8, 52.5]
    assert {"10 streams", "1,700 streams", NGINX} <= {text.text for text in picture.findall(f"{name}text")}


def test_too_little_disk_is_told(tmp_path: Path) -> None:
    require_disk(tmp_path, 1_000_000, 1_500_000_000)
    with pytest.raises(BenchmarkError, match=r"1,000,000 conversations need 1\.5 GB in .*, and 0\.2 GB are free there"):
        require_disk(tmp_path, 1_000_000, 200_000_000)


def test_users_are_told_apart_and_have_a_middle() -> None:
    few, many = StoredUser(10), StoredUser(1_000_000)
    assert few.name != many.name
    assert (few.middle, many.middle) == (5, 500_000)
