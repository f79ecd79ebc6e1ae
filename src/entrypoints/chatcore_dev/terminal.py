"""What the local stack says to the person at the terminal."""

import sys


def say(text: str) -> None:
    """Writes `text` and a line's end, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(sentence: str) -> None:
    """Writes why something did not work."""
    sys.stderr.write(f"chatcore: {sentence}\n")
    sys.stderr.flush()
