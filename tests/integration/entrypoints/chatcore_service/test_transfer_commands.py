"""The commands that export, import and delete what a user has, on a real PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chatcore.testing.samples import ALICE
from chatcore.testing.storage.transfers import a_transfer
from chatcore_postgres import PostgresStorage, migrate
from chatcore_service.cli import FAILED, OK, main


@pytest.fixture
def exported(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return tmp_path / "conversations.jsonl"


async def _fill(database_url: str) -> None:
    async with PostgresStorage(database_url) as storage:
        for _ in range(3):
            await storage.add_conversation(a_transfer())


@pytest.fixture(autouse=True)
async def _filled(database_url: str) -> None:
    await migrate(database_url)
    await _fill(database_url)


def test_what_was_exported_and_deleted_is_imported_as_it_was(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.jsonl"

    assert main(["export", ALICE, "--output", str(exported)]) == OK
    assert main(["delete-user", ALICE]) == OK
    assert main(["export", ALICE, "--output", str(again)]) == OK
    assert len(again.read_bytes().splitlines()) == 1
    assert main(["import", "chatcore", str(exported), "--user", ALICE]) == OK
    assert main(["import", "chatcore", str(exported), "--user", ALICE]) == OK
    assert main(["export", ALICE, "--output", str(again)]) == OK

    assert again.read_bytes().splitlines()[1:] == exported.read_bytes().splitlines()[1:]
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "deleted",
        f"{exported}: 3 imported, 0 skipped",
        f"{exported}: 0 imported, 3 skipped",
    ]


def test_several_files_of_chatgpt_are_imported_and_problems_are_printed(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"conversations-00{number}.json" for number in range(2)]
    for number, file in enumerate(files):
        file.write_text(json.dumps([{"id": f"c-{number}", "title": None, "mapping": {}}, 7]))

    assert main(["import", "chatgpt", *map(str, files), "--user", "bob"]) == OK
    assert main(["export", "bob", "--output", str(exported)]) == OK

    assert len(exported.read_bytes().splitlines()) == 3
    printed = capsys.readouterr().out
    assert f"{files[1]}: 1 imported, 1 skipped\n{files[1]}:2: The conversation must be" in printed


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["import", "chatgpt", "FILE", "--user", "bob"], "is no export of chatgpt"),
        (["import", "chatcore", "nowhere", "--user", "bob"], "No such file"),
        (["export", ""], "The user's id is not valid"),
    ],
)
def test_what_cannot_be_done_is_said(
    exported: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    main(["export", ALICE, "--output", str(exported)])

    assert main([str(exported) if each == "FILE" else each for each in arguments]) == FAILED

    assert problem in capsys.readouterr().err


def test_an_address_of_a_database_that_cannot_be_read_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://alice:p@ss@nowhere/chat")

    assert main(["export", ALICE]) == FAILED

    assert "must be percent-encoded" in capsys.readouterr().err
