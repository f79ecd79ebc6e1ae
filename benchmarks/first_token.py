"""The first token of a turn that is stored before it: what it takes here at least, and what it takes the service."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from attrs import frozen
from benchmarks.conversations import request
from benchmarks.measurement import Measurement
from benchmarks.programs import SUBJECT_CORE, free_port, program
from benchmarks.stored_relay import CONVERSATION, USER
from benchmarks.streams import rounds
from benchmarks.subjects import Chatcore, Nothing, Running, Subject, ready
from benchmarks.trial import Bench, Trial

from chatcore_postgres.statements import conversations

#: What the least is called, in tables as in results.
STORED_RELAY = "bytes through, each turn stored"

#: At once.
STREAMS = 100


@frozen
class StoredRelay(Subject):
    """The least that storing a turn takes in Python."""

    database_url: str
    name = STORED_RELAY
    starts_per_second = Chatcore.starts_per_second

    @contextmanager
    def running(self, source_port: int, folder: Path) -> Generator[Running]:  # noqa: ARG002 - the protocol's signature
        """One process, and empty tables."""
        port = free_port()
        Chatcore(self.database_url).prepare(source_port)
        command = [sys.executable, "-m", "benchmarks.stored_relay", f"--database-url={self.database_url}"]
        options = [f"--port={port}", f"--source-port={source_port}"]
        with program([*command, *options], core=SUBJECT_CORE) as pid:
            yield ready(port, pid)

    def requests(self, running: Running, streams: int) -> Sequence[str]:
        """A turn in a conversation of its own for each stream, each of another user: two turns never meet."""
        whose = [(f"user-{n}", uuid4()) for n in range(streams)]
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for user, conversation in whose:
                connection.execute(conversations.CREATE, _conversation(user, conversation))
        return [
            request("POST /generate", running.port, {USER: user, CONVERSATION: str(conversation)}, "{}")
            for user, conversation in whose
        ]


def _conversation(user: str, conversation: UUID) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "user_id": user,
        "id": conversation,
        "title": "New",
        "title_source": "default",
        "model_tag": "default",
        "head_id": None,
        "created_at": now,
        "updated_at": now,
    }


def measure(bench: Bench, *, seconds: float, count: int, show: Callable[[str], None]) -> list[list[Measurement]]:
    """The source itself, the least, and the service, in turns.

    Raises:
        BenchmarkError: one of them could not be measured.
    """
    subjects = [Nothing(), StoredRelay(bench.database_url), Chatcore(bench.database_url)]
    return rounds(Trial(STREAMS, seconds), subjects, bench, count=count, show=show)
