"""What the local stack opens for the account that PostgreSQL runs under, and that it says so."""

import stat
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.integration.entrypoints.chatcore_dev.local_program import open_folder

from chatcore_dev.server_account import let_everybody_pass, let_everybody_run


@pytest.fixture
def folder() -> Generator[Path]:
    with open_folder() as made:
        yield made


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_closed_folder_above_the_data_is_named_and_opened_to_pass_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = folder / "closed"
    data = closed / "open" / "data"
    data.mkdir(parents=True)
    (closed / "open").chmod(0o755)
    closed.chmod(0o700)

    let_everybody_pass(data)

    assert capsys.readouterr().out == (
        f"PostgreSQL does not run as root: other accounts may pass through {closed} now, not list it (chmod o+x).\n"
    )
    assert mode_of(closed) == 0o701


def test_folders_that_are_open_are_left_alone_without_a_word(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    let_everybody_pass(folder / "data")

    assert capsys.readouterr().out == ""
    assert mode_of(folder) == 0o755


def test_an_installation_that_is_closed_is_named_and_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = folder / "bin" / "postgres"
    server.parent.mkdir(mode=0o700)
    server.touch(mode=0o700)

    let_everybody_run(folder)
    let_everybody_run(folder)

    assert capsys.readouterr().out == (
        f"PostgreSQL does not run as root: letting other accounts read and run what is in {folder} (chmod o+rX).\n"
    )
    assert (mode_of(server), mode_of(server.parent)) == (0o705, 0o705)
