"""Defines the error that ends a run of the benchmark."""


class BenchmarkError(Exception):
    """Reports in one sentence why the benchmark cannot start or continue."""
