"""The token source and the load client, in C: in Python they would take more of the core than is there.

With 1,700 streams of 20 tokens/s, source and client together took 27 µs a token when written in Python over epoll, and
take 22 µs in C, most of them in the kernel: 92 % of a core and 74 %, and PostgreSQL has to run on that core as well.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from attrs import frozen
from benchmarks.problem import BenchmarkError

_HERE = Path(__file__).parent
_BUILT = _HERE / "built"


@frozen
class Tools:
    """The compiled programs."""

    token_source: Path
    load_client: Path


def tools(compiler: str = "cc", folder: Path = _BUILT) -> Tools:
    """The programs, compiled at their first use and after each change.

    Raises:
        BenchmarkError: there is no C compiler, or it refused.
    """
    folder.mkdir(exist_ok=True)
    return Tools(_program("token_source", compiler, folder), _program("load_client", compiler, folder))


def _program(name: str, compiler: str, folder: Path) -> Path:
    source = _HERE / f"{name}.c"
    program = folder / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if not program.exists():
        _compile(source, program, compiler)
    return program


def _compile(source: Path, program: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        raise BenchmarkError(
            f"The benchmark's token source and load client are C, and there is no C compiler `{compiler}`: install one."
        )
    # Under another name until it is whole, since two runs may begin at once.
    unfinished = program.with_suffix(".new")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(unfinished), str(source)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    if compiled.returncode:
        said = compiled.stderr.strip() or f"status {compiled.returncode}"
        raise BenchmarkError(f"The C compiler refused {source.name}: {said.splitlines()[0]}")
    unfinished.rename(program)
