"""Says at the end of a run what was found out in it, whichever process of pytest-xdist found it out."""

import pytest

_NOTES = pytest.StashKey[list[str]]()
_OUTPUT = "notes"


def note(config: pytest.Config, line: str) -> None:
    """Has the line printed at the end of the run, once."""
    notes = config.stash.setdefault(_NOTES, [])
    if line not in notes:
        notes.append(line)
    # Only a worker has this. What it contains reaches the process that prints.
    output: dict[str, object] | None = getattr(config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = notes


def take_over_notes(config: pytest.Config, worker_output: dict[str, list[str]]) -> None:
    """Notes what a worker has noted."""
    for line in worker_output.get(_OUTPUT, []):
        note(config, line)


def print_notes(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints all notes."""
    for line in config.stash.get(_NOTES, []):
        reporter.write_line(line)
