"""Why the local stack cannot run."""


class LocalStackError(Exception):
    """The local stack cannot start or go on; `str()` is one sentence for the person at the terminal."""
