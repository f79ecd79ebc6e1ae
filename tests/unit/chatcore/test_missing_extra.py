"""Tests that an import without the libraries of an extra names the extra."""

import subprocess
import sys

import pytest

_IMPORT_WITHOUT = """
import sys
sys.modules[{library!r}] = None
try:
    import {package}
except ModuleNotFoundError as error:
    print(error.name, error, sep=": ")
"""


@pytest.mark.parametrize(
    ("package", "library", "extra"),
    [
        ("chatcore_postgres", "psycopg", "postgres"),
        ("chatcore_postgres", "psycopg_pool", "postgres"),
        ("chatcore_auth", "cachetools", "auth"),
        ("chatcore_inference", "httptools", "inference"),
        ("chatcore.testing", "pytest", "testing"),
    ],
)
def test_an_import_names_the_library_and_the_extra(package: str, library: str, extra: str) -> None:
    script = _IMPORT_WITHOUT.format(library=library, package=package)

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert result.stdout == (
        f"{library}: {library} is not installed; {package} needs pip install 'chatcore[{extra}]'\n"
    )


def test_a_missing_module_of_our_own_is_no_missing_extra() -> None:
    script = _IMPORT_WITHOUT.format(library="chatcore_postgres.storage", package="chatcore_postgres")

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert result.stdout.startswith("chatcore_postgres.storage: import of chatcore_postgres.storage halted")
