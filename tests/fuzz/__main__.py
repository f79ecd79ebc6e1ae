"""Runs every fuzz target for a while, each in a process of its own, and as many at a time as there are processors.

The exit status is 1 if a target crashed, hung or used too much memory.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.targets import TARGETS, seeds_of

# An input takes well under a millisecond.
_HANG_SECONDS = 1
# About six times the memory of a target when it starts.
_MOST_MEBIBYTES = 400
_LONGEST_INPUT = 2048
# Time for loading, and for libFuzzer to notice that its time is over.
_GRACE_SECONDS = 60


def main() -> int:
    """Fuzzes the targets; returns the exit status."""
    options = _options()
    names: list[str] = list(options.only or TARGETS)
    with (
        tempfile.TemporaryDirectory(prefix="chatcore-fuzz-") as folder,
        ThreadPoolExecutor(max_workers=os.cpu_count()) as threads,
    ):
        survived = threads.map(lambda name: _survives(name, options, Path(folder)), names)
        failed = [name for name, is_well in zip(names, survived, strict=True) if not is_well]
    _say(f"failed: {', '.join(failed)}" if failed else "nothing found")
    return 1 if failed else 0


def _survives(name: str, options: argparse.Namespace, folder: Path) -> bool:
    seconds: int = options.seconds
    corpus, found = folder / name, folder / f"{name}-found"
    corpus.mkdir()
    found.mkdir()
    for number, seed in enumerate(seeds_of(name)):
        (corpus / str(number)).write_bytes(seed)
    _say(f"{name}: {seconds} s from {len(list(corpus.iterdir()))} seeds")
    limits = [f"-max_total_time={seconds}", f"-max_len={_LONGEST_INPUT}", f"-artifact_prefix={found}/"]
    log = _run(name, [*limits, f"-seed={options.seed}", str(corpus)], within=seconds + _GRACE_SECONDS)
    if log is None:
        return True
    _say(log)
    inputs = sorted(found.iterdir())
    for file in inputs:
        _say(f"{name}: {file.name} = {file.read_bytes()!r}")
    # A machine that stood still for a second looks like a hang; a hang is there the second time, too.
    is_slow_only = bool(inputs) and all(file.name.startswith(("timeout-", "slow-unit-")) for file in inputs)
    return is_slow_only and all(_run(name, [str(file)], within=_GRACE_SECONDS) is None for file in inputs)


def _run(name: str, arguments: list[str], *, within: float) -> str | None:
    """Runs the child process; returns None on success, otherwise the end of its output."""
    limits = [f"-timeout={_HANG_SECONDS}", f"-rss_limit_mb={_MOST_MEBIBYTES}", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.fuzz.child", name, *limits, *arguments]
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        try:
            status = subprocess.run(command, stdout=log, stderr=log, check=False, timeout=within).returncode
        except subprocess.TimeoutExpired:
            status = -1
        log.seek(0)
        said = log.read()
    executed = [line for line in said.splitlines() if line.startswith("stat::number_of_executed_units")]
    _say(f"{name}: {executed[0] if executed else 'no statistics'}, status {status}")
    return None if status == 0 else "\n".join(said.splitlines()[-60:])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Coverage-guided fuzzing.")
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each target (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the generated inputs (default: another each time)")
    parser.add_argument("--only", choices=TARGETS, action="append", help="run this target only; may be given again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
