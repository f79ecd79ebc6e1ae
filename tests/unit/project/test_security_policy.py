"""SECURITY.md says what is so: its limits are the settings' own."""

import re
from collections.abc import Iterator
from pathlib import Path

from chatcore_service.settings import Settings

POLICY = (Path(__file__).resolve().parents[3] / "SECURITY.md").read_text()
UNITS = {"KiB": 1024, "MiB": 1024 * 1024}
ROW = re.compile(
    r"\| (?P<limit>[^|]+) \| (?P<number>[0-9,]+)(?: (?P<unit>KiB|MiB|s|characters))? \| `(?P<name>[A-Z_]+)` \|"
)


def rows() -> Iterator[tuple[str, float]]:
    for row in ROW.finditer(POLICY):
        yield row["name"], float(row["number"].replace(",", "")) * UNITS.get(row["unit"], 1)


def test_every_limit_has_its_variable_and_its_default() -> None:
    listed = dict(rows())

    assert len(listed) == POLICY.count("\n| ") - 1
    for name, default in listed.items():
        # Another value of the variable is another value of the settings, so there is such a variable.
        settings = Settings.from_environment({"INTERNAL_API_KEY": "key", name: str(int(default) // 2 or 1)})
        assert settings != Settings(internal_api_key="key"), name
        same = Settings.from_environment({"INTERNAL_API_KEY": "key", name: f"{default:.0f}"})
        assert same == Settings(internal_api_key="key"), name
