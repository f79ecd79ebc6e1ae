"""Names the extra to install when a package of this project misses a library."""

from collections.abc import Generator
from contextlib import contextmanager

# The names of all packages of this project begin with this text.
_OURS = "chatcore"


@contextmanager
def needs_extra(package: str, extra: str) -> Generator[None]:
    """Wraps the imports of a package whose libraries are in an extra.

    Args:
        package: the package whose imports are wrapped.
        extra: the name of the extra with the package's libraries.

    Raises:
        ModuleNotFoundError: a library is not installed; the error names the library as well as the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(_OURS):
            raise
        raise ModuleNotFoundError(
            f"{error.name} is not installed; {package} needs pip install 'chatcore[{extra}]'", name=error.name
        ) from error
