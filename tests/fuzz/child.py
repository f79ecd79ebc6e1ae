"""One target in this process, until libFuzzer ends it: `python -m tests.fuzz.child NAME [libFuzzer's options]`."""

import importlib
import sys

from tests.fuzz.targets import module_of

# It has no types, and is there only where the extra `fuzz` is installed.
atheris = importlib.import_module("atheris")

_INSTRUMENTED = ["chatcore", "chatcore_auth", "chatcore_inference", "chatcore_service", "json"]


def main() -> None:
    """Does not return."""
    _, name, *options = sys.argv
    with atheris.instrument_imports(include=_INSTRUMENTED):
        target = importlib.import_module(module_of(name))
    atheris.Setup([sys.argv[0], *options], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
