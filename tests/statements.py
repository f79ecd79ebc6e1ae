"""All statements that the storage sends, by name."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from chatcore_postgres import statements


@cache
def all_statements() -> Mapping[str, str]:
    """Of every module there is: a statement that is added is found."""
    modules = [
        importlib.import_module(f"{statements.__name__}.{info.name}")
        for info in pkgutil.iter_modules(statements.__path__)
    ]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }
