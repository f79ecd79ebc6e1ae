"""Writes to the terminal."""

import sys


def say(text: str) -> None:
    """Writes `text` and a line break to standard output, and flushes it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(sentence: str) -> None:
    """Writes a sentence that explains a failure to standard error, and flushes it."""
    sys.stderr.write(f"chatcore: {sentence}\n")
    sys.stderr.flush()
