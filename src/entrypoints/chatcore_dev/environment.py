"""Implements ``chatcore dev --print-env``, which prints the environment of a running local stack."""

import shlex
from pathlib import Path

from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.terminal import complain, say


def print_environment(data_dir: Path) -> int:
    """Prints the environment with which another program uses the running stack.

    A shell takes the lines with ``eval "$(chatcore dev --print-env)"``.

    Args:
        data_dir: the data directory of the running stack.

    Returns:
        The exit status: 0; or 1, with a sentence on standard error, if no stack runs on the directory.
    """
    try:
        environment = DataDirectory(data_dir.absolute()).running_environment()
    except LocalStackError as error:
        complain(str(error))
        return 1
    for name, value in environment.items():
        say(f"export {name}={shlex.quote(value)}")
    return 0
