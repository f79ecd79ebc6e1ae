"""The search finds the most streams that hold."""

import pytest
from attrs import evolve
from benchmarks.most import CEILING_STREAMS, START_STREAMS, most_held, search
from benchmarks.trial import Measurement

from tests.benchmarks.measurements import REPORT, measured


@pytest.mark.parametrize("most", [0, 99, 100, 150, 799, 800, 1234, 3199, 3200, 6399, 6400, 10_000])
def test_the_most_is_found_to_the_step(most: int) -> None:
    asked: list[int] = []

    def holds(streams: int) -> bool:
        asked.append(streams)
        return streams <= most

    assert most_held(holds, start=800, ceiling=6400, step=100) == min(most // 100 * 100, 6400)
    # No number is asked twice, none above a number that failed, and no more than bisection needs.
    assert len(asked) == len(set(asked)) <= 10
    assert all(streams < failed for n, failed in enumerate(asked) if failed > most for streams in asked[n + 1 :])


def test_the_search_ends_whatever_the_trials_say() -> None:
    answers = iter([True, False] * 20)
    assert most_held(lambda _: next(answers), start=800, ceiling=6400, step=100) in range(0, 6401, 100)


def test_a_trial_that_was_disturbed_is_repeated() -> None:
    slow = measured(taken=0.5, report=evolve(REPORT, tokens=[]))
    trials = iter([slow, measured()])
    found = search(lambda _: next(trials), START_STREAMS)
    assert found == {"streams": START_STREAMS, "why_not_more": "", "is_limit_of_tools": False, "broken": ""}


@pytest.mark.parametrize(
    ("broken", "spoiled", "is_wrong"),
    [
        ("", "the load client was the bottleneck", False),
        ("2 streams were not complete: a refusal after 0 tokens: 503", "", False),
        ("a wrong line", "", True),
    ],
)
def test_the_reason_why_no_more_held_is_told(*, broken: str, spoiled: str, is_wrong: bool) -> None:
    def measure(streams: int) -> Measurement:
        trial = evolve(measured(), streams=streams)
        return trial if streams <= 1500 else evolve(trial, behind="slow", broken=broken, spoiled=spoiled)

    assert search(measure, CEILING_STREAMS) == {
        "streams": 1500,
        "why_not_more": broken or spoiled,
        "is_limit_of_tools": bool(spoiled),
        "broken": broken if is_wrong else "",
    }
