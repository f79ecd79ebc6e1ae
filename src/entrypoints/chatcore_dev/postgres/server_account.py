"""Chooses the account under which PostgreSQL runs, and gives that account access to the files that PostgreSQL needs.

PostgreSQL refuses to run as root.
"""

import os
import pwd
import stat
from pathlib import Path

from chatcore_dev.child_process import Account
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.terminal import say

_OTHERS_MAY_TRAVERSE = stat.S_IXOTH
_OTHERS_MAY_READ = stat.S_IROTH | stat.S_IXOTH


def account_for(data: Path) -> Account | None:
    """Returns the account for the server; None, for our own account, if this process does not run as root.

    The account is the owner of `data`, or `nobody` if the owner is root.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat() if data.exists() else None
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise LocalStackError("PostgreSQL does not run as root, and there is no account `nobody`.") from error
    return Account(nobody.pw_uid, nobody.pw_gid)


def require_own(data: Path) -> None:
    """Checks that the server can use `data` under our own account.

    Raises:
        LocalStackError: `data` belongs to another user.
    """
    if os.geteuid() != 0 and data.stat().st_uid != os.geteuid():
        raise LocalStackError(f"{data} belongs to another user; remove it or choose another data directory.")


def let_others_traverse(path: Path) -> None:
    """Lets other accounts traverse the folders above `path`, but not list the folders.

    Prints the folders that the function opens, because a user may have closed a folder on purpose.
    """
    for folder in path.absolute().parents:
        if folder.stat().st_mode & _OTHERS_MAY_TRAVERSE:
            continue
        say(f"PostgreSQL does not run as root: other accounts may pass through {folder} now, not list it (chmod o+x).")
        _allow(folder, _OTHERS_MAY_TRAVERSE)


def let_others_run(programs: Path) -> None:
    """Lets other accounts run an installation that a strict umask has closed, and prints a notice."""
    if (programs / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    say(f"PostgreSQL does not run as root: letting other accounts read and run what is in {programs} (chmod o+rX).")
    for path in (programs, *programs.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        _allow(path, _OTHERS_MAY_READ if executable else stat.S_IROTH)


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
