"""Provides measurements to the tests of tables and charts."""

from benchmarks.load_client import LoadReport
from benchmarks.machine import CORES
from benchmarks.processes import Reading
from benchmarks.subjects import CHATCORE
from benchmarks.trial import Measurement, Trial

REPORT = LoadReport(
    broken_streams=0, problem="", busy_share=0.3, tokens=[1000] * 1980 + [90_000] * 20, first_tokens=[2000]
)


def measured(
    subject: str = CHATCORE, *, cpu: float = 0.1, late: float = 0.0, taken: float = 0.05, report: LoadReport = REPORT
) -> Measurement:
    """Returns a measurement of 100 streams with 2,000 tokens in a second."""
    first = Reading(0.0, 0.0, {"benchmark": {}, "subject": {}, "database": {}})
    cpus = {"benchmark": {1: 0.5}, "subject": {2: cpu}, "database": {3: 0.005}}
    last = Reading(1.0, len(CORES) - 0.5 - taken, cpus)
    return Trial(100, 1.0).measurement(subject, report, first, last, late, memory_kb=45)
