"""Tests which folders are opened for PostgreSQL's account, and that this is printed."""

import stat
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.integration.entrypoints.chatcore_dev.local_program import open_folder

from chatcore_dev.postgres.server_account import let_others_run, let_others_traverse


@pytest.fixture
def folder() -> Generator[Path]:
    with open_folder() as made:
        yield made


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_closed_folders_above_the_data_are_printed_and_made_traversable(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = folder / "closed"
    data = closed / "open" / "data"
    data.mkdir(parents=True)
    (closed / "open").chmod(0o755)
    closed.chmod(0o700)

    let_others_traverse(data)

    assert capsys.readouterr().out == (
        f"PostgreSQL does not run as root: other accounts may pass through {closed} now, not list it (chmod o+x).\n"
    )
    assert mode_of(closed) == 0o701


def test_open_folders_are_left_unchanged_and_not_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    let_others_traverse(folder / "data")

    assert capsys.readouterr().out == ""
    assert mode_of(folder) == 0o755


def test_a_closed_installation_is_printed_and_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = folder / "bin" / "postgres"
    server.parent.mkdir(mode=0o700)
    server.touch(mode=0o700)

    let_others_run(folder)
    let_others_run(folder)

    assert capsys.readouterr().out == (
        f"PostgreSQL does not run as root: letting other accounts read and run what is in {folder} (chmod o+rX).\n"
    )
    assert (mode_of(server), mode_of(server.parent)) == (0o705, 0o705)
