"""Every port in memory: for unit tests, and for other services' tests.

Nothing here opens a socket, reads a file or waits for real time to pass::

    clock = FrozenClock()
    storage = InMemoryStorage(clock)
"""

from chatcore_memory.clock import FrozenClock
from chatcore_memory.storage import InMemoryStorage

__all__ = ["FrozenClock", "InMemoryStorage"]
