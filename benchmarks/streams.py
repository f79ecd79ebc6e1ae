"""Measures subjects under streams in turns, so that other work on the machine affects all subjects alike."""

from collections.abc import Sequence

from attrs import asdict
from benchmarks.database import Bench
from benchmarks.options import Options
from benchmarks.results import Results
from benchmarks.subjects import CHATCORE_OPENAI, Chatcore, Nginx, StoredRelay, Subject, services
from benchmarks.trial import MOST_TAKEN, Measurement, Trial

#: The number of streams at which the first token is compared with that of a relay that only stores turns.
FIRST_TOKEN_STREAMS = 100
_TRIES = 2


def measure_streams(options: Options, bench: Bench) -> Results:
    """Measures the token source directly, the limit and the service with each number of streams."""
    subjects: list[Subject] = [Subject(), Nginx(), *services(options.beside)]
    rounds = {str(streams): _in_turns(streams, subjects, options, bench) for streams in options.streams}
    return {"rounds": rounds}


def measure_first_token(options: Options, bench: Bench) -> Results:
    """Measures the token source directly, the relay that only stores turns, and the service."""
    subjects: list[Subject] = [Subject(), StoredRelay(), *services(options.beside)]
    return {"rounds": {str(FIRST_TOKEN_STREAMS): _in_turns(FIRST_TOKEN_STREAMS, subjects, options, bench)}}


def measure_protocols(options: Options, bench: Bench) -> Results:
    """Measures the service over the samosachaat protocol and over OpenAI's."""
    subjects = [Chatcore(), Chatcore(CHATCORE_OPENAI, settings={"INFERENCE_PROTOCOL": "openai"})]
    return {"rounds": {str(streams): _in_turns(streams, subjects, options, bench) for streams in options.streams}}


def _in_turns(streams: int, subjects: Sequence[Subject], options: Options, bench: Bench) -> Sequence[Sequence[Results]]:
    trial = Trial(streams, options.seconds)
    return [[asdict(_quietest(trial, subject, bench)) for subject in subjects] for _ in range(options.rounds)]


def _quietest(trial: Trial, subject: Subject, bench: Bench) -> Measurement:
    """Measures a subject, again if the measurement was spoiled or disturbed, and returns the better measurement."""
    tries: list[Measurement] = []
    while not tries or (len(tries) < _TRIES and (tries[-1].spoiled or tries[-1].taken_share > MOST_TAKEN)):
        tries.append(trial.measure(subject, bench))
        print(_line(tries[-1]), flush=True)
    # A wrong token is reported even if the other try had no wrong token.
    return min(tries, key=lambda tried: (not tried.broken, bool(tried.spoiled), tried.taken_share))


def _line(measured: Measurement) -> str:
    problem = measured.broken or measured.spoiled
    return (
        f"  {measured.streams:5} streams, {measured.subject:32}{measured.cpu_micros:7.1f} µs a token,"
        f" first token {measured.first_token_p50_ms:5.2f} ms, p99 {measured.latency_p99_ms:6.1f} ms,"
        f" {measured.taken_share:4.0%} taken by others" + (f"\n    NOT VALID: {problem}" if problem else "")
    )
