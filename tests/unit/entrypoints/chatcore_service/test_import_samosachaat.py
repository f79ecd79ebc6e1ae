from io import StringIO
from uuid import UUID

from chatcore_postgres.samosachaat import ImportReport, TableCounts
from chatcore_postgres.samosachaat.report import Note, Skip
from chatcore_service.import_samosachaat import _lines, _progress


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def _report() -> ImportReport:
    report = ImportReport(TableCounts(added=3, present=2), TableCounts(added=40))
    report.conversations.skip(Skip.NO_USER, UUID(int=1))
    for number in range(7):
        report.messages.skip(Skip.NO_CONTENT, UUID(int=number))
    report.messages.skip(Skip.NO_ID, None)
    report.notes[Note.TITLE_CUT] = 2
    return report


def test_the_report_has_the_counts_and_why_rows_were_skipped_with_some_of_their_ids() -> None:
    first = ", ".join(str(UUID(int=number)) for number in range(5))

    assert list(_lines(_report(), is_dry=False)) == [
        "conversations: 6 read, 3 added, 2 there already, 1 skipped",
        f"  1 skipped because the user is missing (for example {UUID(int=1)})",
        "messages: 48 read, 40 added, 0 there already, 8 skipped",
        f"  7 skipped because the content is missing or empty (for example {first})",
        "  1 skipped because the id is missing or is no UUID",
        "note: 2 titles were cut to MAX_TITLE_CHARACTERS",
    ]


def test_the_report_of_a_dry_run_says_what_would_be_done() -> None:
    lines = list(_lines(_report(), is_dry=True))

    assert lines[0] == "conversations: 6 read, 3 would be added, 2 there already, 1 skipped"
    assert lines[-1] == "nothing was written"


def test_a_file_gets_a_line_for_each_tenth() -> None:
    stream = StringIO()
    with _progress(stream) as show:
        show(0, 40)
        for done in range(1, 41):
            show(done, 40)

    assert stream.getvalue().splitlines() == [f"{done} of 40 rows" for done in range(4, 41, 4)]


def test_an_empty_source_has_no_progress() -> None:
    stream = StringIO()
    with _progress(stream) as show:
        show(0, 0)

    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar() -> None:
    stream = _Terminal()
    with _progress(stream) as show:
        show(0, 10)
        show(10, 10)

    assert "10/10" in stream.getvalue()
    assert "100%" in stream.getvalue()
