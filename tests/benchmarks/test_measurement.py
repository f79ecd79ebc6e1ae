"""A measurement tells what was used, whether the subject kept up, and whether it is valid."""

import pytest
from attrs import evolve
from benchmarks.load_client import quantile
from benchmarks.trial import MOST_TAKEN

from tests.benchmarks.measurements import REPORT, measured


def test_quantiles_are_values_themselves() -> None:
    assert [quantile(range(100), share) for share in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 99]
    assert quantile([7], 0.99) == 7
    assert quantile([], 0.5) == 0.0


def test_cpu_time_is_divided_by_tokens() -> None:
    trial = measured()
    assert (trial.cpu_micros, trial.database_cpu_micros, trial.taken_share) == pytest.approx((50, 2.5, 0.05))
    assert (trial.memory_kb_per_stream, trial.latency_p50_ms, trial.latency_p99_ms) == (45, 1, 90)
    assert trial.first_token_p50_ms == 2
    assert (trial.behind, trial.broken, trial.spoiled) == ("", "", "")
    assert trial.taken_share < MOST_TAKEN


def test_a_measurement_without_a_token_is_behind() -> None:
    trial = measured(report=evolve(REPORT, tokens=[], first_tokens=[]))
    assert (trial.latency_p99_ms, trial.behind) == (0.0, "0% of the tokens arrived, 0.0% in time")


@pytest.mark.parametrize(
    "tokens", [[1000] * 1979 + [100_000] * 21, [1000] * 1900], ids=["too many are late", "some are missing"]
)
def test_a_subject_that_does_not_keep_up_is_behind(tokens: list[int]) -> None:
    assert measured(report=evolve(REPORT, tokens=tokens)).behind


def test_a_wrong_token_breaks_a_measurement() -> None:
    trial = measured(report=evolve(REPORT, broken_streams=2, problem="a wrong line after 3 tokens: x"))
    assert trial.broken == "2 streams were not complete: a wrong line after 3 tokens: x"


def test_tools_and_other_programs_spoil_a_measurement() -> None:
    assert measured(late=0.01).spoiled == ""
    assert measured(late=0.011).spoiled.startswith("the token source was the bottleneck")
    assert measured(report=evolve(REPORT, busy_share=0.98)).spoiled.startswith("the load client was the bottleneck")
    assert measured(taken=1000.0).spoiled == "others took 100000% of one core"
