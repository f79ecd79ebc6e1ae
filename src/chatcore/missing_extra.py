"""Names the extra that a package of this project needs, where an import would only name a library."""

from collections.abc import Generator
from contextlib import contextmanager

#: Every package of this project begins with this.
_OURS = "chatcore"


@contextmanager
def needs_extra(package: str, extra: str) -> Generator[None]:
    """Wraps the imports of a package whose libraries are in an extra.

    Args:
        package: the package that does the imports.
        extra: the name of its extra.

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
