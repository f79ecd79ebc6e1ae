"""The token source: what starts it, and what it says of itself.

The source itself is tools/token_source.c. `python -m benchmarks.token_source --port 9000 --tokens 400` becomes it.
"""

import argparse
import http.client
import os
import sys
from collections.abc import Sequence

import orjson
from benchmarks.problem import BenchmarkError
from benchmarks.tools import tools

#: Between two tokens of a reply.
PERIOD_SECONDS = 0.05


def source_command(port: int, tokens: int) -> list[str]:
    """What starts a source whose replies have so many tokens.

    Raises:
        BenchmarkError: it cannot be compiled.
    """
    return [str(tools().token_source), str(port), str(tokens)]


def lateness(port: int) -> Sequence[tuple[int, int]]:
    """How late a source has been since this was last asked: milliseconds, and tokens that were so late."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/lateness")
    late: Sequence[tuple[int, int]] = orjson.loads(connection.getresponse().read())
    connection.close()
    return late


def share_later_than(late: Sequence[tuple[int, int]], milliseconds: int) -> float:
    """The share of tokens that were made at least so late."""
    tokens = sum(count for _, count in late)
    return sum(count for ms, count in late if ms >= milliseconds) / tokens if tokens else 0.0


def main() -> None:
    """Becomes the source."""
    parser = argparse.ArgumentParser(description="A token source.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    options = parser.parse_args()
    try:
        command = source_command(options.port, options.tokens)
    except BenchmarkError as error:
        sys.exit(str(error))
    os.execv(command[0], command)  # noqa: S606 - our own program, without a shell


if __name__ == "__main__":
    main()
