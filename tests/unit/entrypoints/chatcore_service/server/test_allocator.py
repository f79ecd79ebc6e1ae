"""Large blocks of memory go back to the system when they are freed."""

import subprocess
import sys

# The pins are allocated between the blocks, as objects that live longer are between the bodies of requests.
_PROGRAM = """
from pathlib import Path
from chatcore_service.server.allocator import map_large_blocks

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

map_large_blocks()
large = bytearray(1_000_000)
del large
before = resident()
pins, blocks = [], []
for _ in range(200):
    blocks.append(bytearray(b"x" * 250_000))
    pins.append(bytearray(b"y" * 20_000))
held = resident() - before
blocks.clear()
print(held, resident() - before)
"""


def test_freed_blocks_leave_the_process_although_small_ones_lie_between() -> None:
    program = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)

    held, kept = map(int, program.stdout.split())
    assert held > 200 * 250_000 * 0.9
    assert kept < held / 10
