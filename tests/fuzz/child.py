"""Fuzzes one target in this process until libFuzzer ends it.

The command is `python -m tests.fuzz.child NAME`, followed by options of libFuzzer.
"""

import importlib
import sys

from tests.fuzz.targets import module_of

# The library has no types, and is installed only with the extra `fuzz`.
atheris = importlib.import_module("atheris")

_INSTRUMENTED = ["chatcore", "chatcore_auth", "chatcore_inference", "chatcore_service", "json"]


def main() -> None:
    """Fuzzes the target; libFuzzer ends the process."""
    _, name, *options = sys.argv
    with atheris.instrument_imports(include=_INSTRUMENTED):
        target = importlib.import_module(module_of(name))
    atheris.Setup([sys.argv[0], *options], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
