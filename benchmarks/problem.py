"""What keeps the benchmark from being run."""


class BenchmarkError(Exception):
    """It cannot be run here, or not like this; ``str()`` is one sentence for whoever started it."""
