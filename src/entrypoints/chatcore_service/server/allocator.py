"""Makes the C library return the memory of large blocks to the system."""

import ctypes
import sys
from typing import Final

#: Blocks of this size and more are mapped one by one, and unmapped when they are freed.
MAPPED_BYTES: Final = 64 * 1024
_M_MMAP_THRESHOLD: Final = -3


def map_large_blocks() -> None:
    """Fixes the size from which a block of memory is mapped for itself. Has no effect without the GNU C library.

    By default, that size grows with the blocks that are freed. Bodies of requests then come to lie on the heap between
    small objects that live longer, and the heap does not shrink: 2,000 bodies of 250 KB left 800 MB behind.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)
