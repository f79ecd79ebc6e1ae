"""PostgreSQL refuses to run as root; under which account it runs then, and what that account must be let through."""

import os
import pwd
import stat
from pathlib import Path

from chatcore_dev.child_process import Account
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.terminal import say

_EVERYBODY_MAY_PASS = stat.S_IXOTH
_EVERYBODY_MAY_READ = stat.S_IROTH | stat.S_IXOTH


def account_for(data: Path) -> Account | None:
    """The account that `data` belongs to, or `nobody`; None, which is our own, unless we are root."""
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
    """Returns when the server, under our own account, can use `data`.

    Raises:
        LocalStackError: it belongs to somebody else.
    """
    if os.geteuid() != 0 and data.stat().st_uid != os.geteuid():
        raise LocalStackError(f"{data} belongs to another user; remove it or choose another data directory.")


def let_everybody_pass(path: Path) -> None:
    """Lets other accounts go through the folders above `path`; what is in those stays closed to them.

    Says which folders it opens: they may be somebody's who closed them on purpose.
    """
    for folder in path.absolute().parents:
        if folder.stat().st_mode & _EVERYBODY_MAY_PASS:
            continue
        say(f"PostgreSQL does not run as root: other accounts may pass through {folder} now, not list it (chmod o+x).")
        _allow(folder, _EVERYBODY_MAY_PASS)


def let_everybody_run(programs: Path) -> None:
    """Lets other accounts use an installation that a strict umask has closed to them, and says so."""
    if (programs / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    say(f"PostgreSQL does not run as root: letting other accounts read and run what is in {programs} (chmod o+rX).")
    for path in (programs, *programs.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        _allow(path, _EVERYBODY_MAY_READ if executable else stat.S_IROTH)


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
