"""The error that ends a run of the benchmark."""


class BenchmarkError(Exception):
    """Says in one sentence why the benchmark cannot run, or why it cannot go on."""
