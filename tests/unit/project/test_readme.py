"""The README's configuration table names each variable that the settings read, with the default of each limit."""

import re
from pathlib import Path

from tests.unit.entrypoints.chatcore_service.test_settings_limits import LIMITS

from chatcore_service.settings import Settings

_ROW = re.compile(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([^|]+) \|", re.MULTILINE)


class _Recorder(dict[str, str]):
    """Records which variables are read."""

    def get(self, key: str, default: object = None) -> str:
        del default
        self[key] = "key" if key == "INTERNAL_API_KEY" else ""
        return self[key]


def _rows() -> dict[str, str]:
    """Returns the variables of the table with their defaults."""
    text = (
        (Path(__file__).parents[3] / "README.md").read_text().partition("\n## Configuration")[2].partition("\n## ")[0]
    )
    rows: dict[str, str] = {}
    for names, defaults in _ROW.findall(text):
        variables = re.findall(r"[A-Z_]+", names)
        values = defaults.strip().split(", ")
        rows |= zip(variables, values if len(values) == len(variables) else [defaults] * len(variables), strict=True)
    return rows


def test_the_table_has_every_variable_and_no_other() -> None:
    recorder = _Recorder()
    Settings.from_environment(recorder)

    assert _rows().keys() == recorder.keys()


def test_the_defaults_of_the_limits_are_in_the_table() -> None:
    rows = _rows()

    assert {variable: rows[variable] for variable in LIMITS} == {
        variable: f"`{str(default).removesuffix('.0')}`" for variable, (_, default, _) in LIMITS.items()
    }
