"""SECURITY.md says what is so: its limits are the settings' own."""

import re
from collections.abc import Iterator
from pathlib import Path

from chatcore_service.settings import Settings

POLICY = (Path(__file__).resolve().parents[3] / "SECURITY.md").read_text()
ROW = re.compile(
    r"\| (?P<limit>[^|]+) \| (?P<number>[0-9,]+)(?: (?P<unit>KiB|s|characters))? \| `(?P<name>[A-Z_]+)` \|"
)


def rows() -> Iterator[tuple[str, float]]:
    for row in ROW.finditer(POLICY):
        number = float(row["number"].replace(",", ""))
        yield row["name"], number * 1024 if row["unit"] == "KiB" else number


def test_every_limit_has_its_variable_and_its_default() -> None:
    listed = dict(rows())

    assert len(listed) == POLICY.count("\n| ") - 1
    for name, default in listed.items():
        # Another value of the variable is another value of the settings, so there is such a variable.
        settings = Settings.from_environment({"INTERNAL_API_KEY": "key", name: "1025" if default > 1024 else "1"})
        assert settings != Settings(internal_api_key="key"), name
        same = Settings.from_environment({"INTERNAL_API_KEY": "key", name: f"{default:.0f}"})
        assert same == Settings(internal_api_key="key"), name
