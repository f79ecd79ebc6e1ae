"""Runs random clients and random faults against three replicas, and reports the requests, faults and losses.

    make soak
    make soak SOAK="--seconds 3600 --seed 7 --visitors 40"

The exit status is 1 as soon as a promise is broken; the seed that is printed repeats the run. See
tests/integration/faults/history.py for the clients and faults, and tests/integration/faults/oracle.py for the promises.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.integration.faults.history import make_history


def main() -> int:
    """Runs one history of clients and faults, and returns the exit status."""
    parser = argparse.ArgumentParser(description="Random clients, random faults, and a judgement at the end.")
    parser.add_argument("--seconds", type=float, default=600.0, help="length of the run (default: 600)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="seed of random numbers")
    parser.add_argument("--visitors", type=int, default=20, help="number of clients (default: 20)")
    parser.add_argument("--replicas", type=int, default=3, help="processes of the service (default: 3)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="chatcore-soak-"))
    print(*(f"{name} {value}" for name, value in vars(options).items()), f"logs in {folder}", sep=", ")
    try:
        print(asyncio.run(make_history(folder, **vars(options))))
    except AssertionError as broken:
        print(f"A promise was broken (seed {options.seed}): {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
