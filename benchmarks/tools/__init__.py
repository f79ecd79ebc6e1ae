"""Compiles the token source and the load client, which are written in C.

In Python the two programs would take more than the one core that is left for them. With 1,700 streams of 20 tokens/s
they took 27 µs a token together in Python over epoll, and take 22 µs in C, mostly in the kernel.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from benchmarks.benchmark_error import BenchmarkError

_HERE = Path(__file__).parent


def tool(name: str, compiler: str = "cc", folder: Path = _HERE / "built") -> Path:
    """Compiles `token_source` or `load_client` at its first use and after each change, and returns the program.

    Raises:
        BenchmarkError: the machine has no C compiler, or the compiler failed.
    """
    source = _HERE / f"{name}.c"
    program = folder / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if program.exists():
        return program
    if shutil.which(compiler) is None:
        raise BenchmarkError(f"{source.name} needs a C compiler, and there is no `{compiler}`: install one.")
    folder.mkdir(exist_ok=True)
    # Two runs may compile at once, so the program gets its name when it is complete.
    unfinished = program.with_suffix(".new")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(unfinished), str(source)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    if compiled.returncode:
        raise BenchmarkError(f"The C compiler refused {source.name}: {compiled.stderr.strip() or 'it says nothing'}")
    unfinished.rename(program)
    return program
