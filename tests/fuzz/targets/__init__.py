"""Lists the fuzz targets: modules with a function `check`, which takes bytes, and the constant `SEEDS`.

This module imports no target, because the fuzzer measures the coverage only of modules that it imports itself.
"""

import importlib

TARGETS = (
    "auth_reply",
    "event_stream",
    "http_response",
    "import_file",
    "json_body",
    "openai_stream",
    "oidc_claims",
    "oidc_keys",
    "oidc_token",
    "proxy_headers",
    "request_headers",
    "resume_stream",
)


def module_of(name: str) -> str:
    """Returns the name of a target's module."""
    return f"{__name__}.{name}"


def seeds_of(name: str) -> tuple[bytes, ...]:
    """Returns the inputs with which a target starts."""
    seeds: tuple[bytes, ...] = importlib.import_module(module_of(name)).SEEDS
    return seeds
