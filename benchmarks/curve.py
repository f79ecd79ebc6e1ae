"""What a token costs from a few streams to the most that a process is to hold: one line, beside the limit's."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.measurement import Measurement
from benchmarks.streams import rounds
from benchmarks.subjects import HURRIED, Chatcore, limit
from benchmarks.trial import Bench, Trial

#: Streams at once.
STREAMS = (10, 100, 300, 1_000, 1_700)
_LONGEST_SECONDS = 3.0


def measure(made: Bench, seconds: float, show: Callable[[str], None]) -> Mapping[int, Sequence[Sequence[Measurement]]]:
    """A round of each number of streams.

    Raises:
        BenchmarkError: one of them could not be measured.
    """
    subjects = [limit(), Chatcore(made.database_url, HURRIED)]
    return {
        streams: rounds(
            Trial(streams, min(seconds, _LONGEST_SECONDS), is_to_the_end=False), subjects, made, count=1, show=show
        )
        for streams in STREAMS
    }
