"""For whoever writes an adapter: one contract test class for each port, to be subclassed.

Needs the extra ``chatcore[testing]``.
"""

from chatcore.testing.storage_contract import StorageContract

__all__ = ["StorageContract"]
