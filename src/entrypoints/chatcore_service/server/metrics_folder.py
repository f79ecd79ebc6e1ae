"""Creates the folder through which the workers of one service share their metrics."""

import os
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "chatcore-metrics-"
_NAME = re.compile(re.escape(_PREFIX) + r"([0-9]{1,9})-.*")


@contextmanager
def shared_folder() -> Generator[str]:
    """Creates a folder for the duration of the block, and removes the folders of processes that were killed."""
    _remove_orphans()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        yield folder


def _remove_orphans() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        name = _NAME.fullmatch(folder.name)
        if name is not None and not _is_alive(int(name[1])):
            # A folder of another user cannot be removed and remains.
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # The process belongs to another user.
    return True
