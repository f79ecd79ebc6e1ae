"""What is measured: the service with everything on, and what it is measured against."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from attrs import frozen
from benchmarks.conversations import conversations, request
from benchmarks.machine import most_files
from benchmarks.programs import SUBJECT_CORE, free_port, program, wait_for

#: What the subjects are called, in tables as in results.
DIRECTLY = "the token source, directly"
NGINX = "nginx, unbuffered"
BYTES_RELAY = "bytes through, asyncio"
CHATCORE = "chatcore, everything on"

#: Settings for measurements that are over before their replies are: these need not be waited for.
HURRIED = {"DRAIN_SECONDS": "1"}
#: Settings for many readers of one user's reply.
MANY_READERS = {"MAX_STREAMS_PER_USER": "2000"}

_NGINX = """
daemon off; master_process off; error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://127.0.0.1:{source_port}; proxy_http_version 1.1; proxy_buffering off; }}
    }}
}}
"""


@frozen
class Running:
    """A subject that takes requests."""

    port: int
    #: 0 for the source itself, which is not measured.
    pid: int


class Subject(Protocol):
    """Something that stands between the load client and the token source."""

    name: str
    #: How many streams can begin in a second without its being about that.
    starts_per_second: int

    def running(self, source_port: int, folder: Path) -> AbstractContextManager[Running]:
        """Runs it; may keep files in the folder."""
        ...

    def requests(self, running: Running, streams: int) -> Sequence[str]:
        """A request for each stream."""
        ...


class _Straight(Subject):
    """Whoever passes requests on as they are."""

    starts_per_second = 500

    def requests(self, running: Running, streams: int) -> Sequence[str]:
        """The same for all."""
        return [request("POST /generate", running.port, {}, "{}")] * streams


class Nothing(_Straight):
    """The source itself."""

    name = DIRECTLY

    @contextmanager
    def running(self, source_port: int, folder: Path) -> Generator[Running]:  # noqa: ARG002 - the protocol's signature
        """It runs already."""
        yield Running(source_port, 0)


class Nginx(_Straight):
    """nginx, which is C and does nothing but pass bytes on."""

    name = NGINX

    @contextmanager
    def running(self, source_port: int, folder: Path) -> Generator[Running]:
        """One worker."""
        port = free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _NGINX.format(folder=folder, port=port, source_port=source_port, connections=most_files())
        )
        with program(["nginx", "-c", str(configuration)], core=SUBJECT_CORE) as pid:
            yield ready(port, pid)


class BytesRelay(_Straight):
    """The least that Python can do."""

    name = BYTES_RELAY

    @contextmanager
    def running(self, source_port: int, folder: Path) -> Generator[Running]:  # noqa: ARG002 - the protocol's signature
        """One process."""
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.bytes_relay"]
        options = [f"--port={port}", f"--source-port={source_port}"]
        with program([*command, *options], core=SUBJECT_CORE) as pid:
            yield ready(port, pid)


@frozen
class Chatcore(Subject):
    """The service: auth, a turn stored before its stream begins, checkpoints, and the reply stored at its end."""

    database_url: str
    #: Beside those that it needs.
    settings: Mapping[str, str] = {}
    #: Whether it begins with empty tables, so that it does not meet what another measurement has left.
    is_fresh: bool = True
    name = CHATCORE
    # Each begins with what a database's fsync takes.
    starts_per_second = 70

    @contextmanager
    def running(self, source_port: int, folder: Path) -> Generator[Running]:  # noqa: ARG002 - the protocol's signature
        """One worker."""
        port = free_port()
        self.prepare(source_port)
        with program(self.command(port), core=SUBJECT_CORE, environment=self.environment(source_port)) as pid:
            yield ready(port, pid)

    def prepare(self, source_port: int) -> None:
        """Migrates the database, and empties it where it is to be fresh."""
        migrate = [sys.executable, "-m", "chatcore_service", "migrate"]
        subprocess.run(migrate, env=self.environment(source_port), check=True, stdout=subprocess.DEVNULL)
        if self.is_fresh:
            _empty(self.database_url)

    def command(self, port: int) -> Sequence[str]:
        """What starts it."""
        return [sys.executable, "-m", "chatcore_service", "serve", f"--port={port}"]

    def environment(self, source_port: int) -> Mapping[str, str]:
        """In which it runs."""
        source = f"http://127.0.0.1:{source_port}"
        return {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "AUTH_SERVICE_URL": source,
            "INFERENCE_SERVICE_URL": source,
            "INTERNAL_API_KEY": "key",
            **self.settings,
        }

    def requests(self, running: Running, streams: int) -> Sequence[str]:
        """A turn in a conversation of its own for each stream."""
        return [conversation.turn(running.port) for conversation in conversations(running.port, streams)]


def _empty(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("truncate conversations, messages, generations, deltas, idempotency_keys")


def limit() -> Subject:
    """What the figures are put in relation to: nginx where it is installed, else the least that Python can do."""
    return Nginx() if shutil.which("nginx") else BytesRelay()


def subjects(database_url: str) -> Sequence[Subject]:
    """All that this machine can run."""
    nginx = [Nginx()] if shutil.which("nginx") else []
    return [Nothing(), *nginx, BytesRelay(), Chatcore(database_url)]


def ready(port: int, pid: int) -> Running:
    """A subject's process, as soon as it listens.

    Raises:
        BenchmarkError: it does not come to.
    """
    wait_for(port, pid)
    return Running(port, pid)
