"""A long history of random clients and random faults over three replicas; says what it did and what was lost.

    make soak
    make soak SOAK="--seconds 3600 --seed 7 --visitors 40"

Ends with status 1, and the seed to do it again, as soon as a promise is found broken. See
tests/integration/faults/history.py for what happens and tests/integration/faults/oracle.py for what is promised.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.integration.faults.history import make_history


def main() -> int:
    """Makes one history; its exit status."""
    options = _options()
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    folder = Path(tempfile.mkdtemp(prefix="chatcore-soak-"))
    print(
        f"seed {seed}, {options.seconds} s, {options.visitors} clients, {options.replicas} replicas; logs in {folder}"
    )
    try:
        history = asyncio.run(
            make_history(
                folder, seed=seed, seconds=options.seconds, visitors=options.visitors, replicas=options.replicas
            )
        )
    except AssertionError as broken:
        print(f"A promise was broken (seed {seed}): {broken}", file=sys.stderr)
        return 1
    print(history)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Random clients, random faults, and a judgement at the end.")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long faults go on (default: 600)")
    parser.add_argument("--seed", type=int, help="what settles everything that is random (default: random)")
    parser.add_argument("--visitors", type=int, default=20, help="clients (default: 20)")
    parser.add_argument("--replicas", type=int, default=3, help="processes of the service (default: 3)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
