"""What is fuzzed: modules with a function `check` of some bytes, and `SEEDS`.

This module imports none of them: only what is imported under the fuzzer's eyes can be measured by it.
"""

import importlib

TARGETS = ("auth_reply", "event_stream", "http_response", "json_body", "request_headers", "resume_stream")


def module_of(name: str) -> str:
    """Where a target is."""
    return f"{__name__}.{name}"


def seeds_of(name: str) -> tuple[bytes, ...]:
    """What a target begins with."""
    seeds: tuple[bytes, ...] = importlib.import_module(module_of(name)).SEEDS
    return seeds
