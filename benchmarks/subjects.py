"""What is measured: the service with everything on, and what it is measured against."""

import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import orjson
import psycopg
from attrs import frozen
from benchmarks.machine import most_files
from benchmarks.problem import BenchmarkError
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

#: Of one user, as many as the service allows by default.
_STREAMS_PER_USER = 8

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
        return [conversation.turn(running.port) for conversation in conversations(running, streams)]


def _empty(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("truncate conversations, messages, generations, deltas, idempotency_keys")


@frozen
class Conversation:
    """One that was made for a stream."""

    user: str
    id: str

    def turn(self, port: int) -> str:
        """The request that begins a turn."""
        return request(f"POST {self._path}/messages", port, self._headers, '{"content":"What do you know of the sea?"}')

    def reader(self, port: int, reply_id: str) -> str:
        """The request that follows its reply from the beginning."""
        return request(f"GET {self._path}/messages/{reply_id}/stream", port, self._headers)

    def newest_reply(self, connection: http.client.HTTPConnection) -> str:
        """The id of its last message, which is its reply."""
        connection.request("GET", self._path, headers=self._headers)
        id_: str = orjson.loads(connection.getresponse().read())["messages"][-1]["id"]
        return id_

    @property
    def _path(self) -> str:
        return f"/api/conversations/{self.id}"

    @property
    def _headers(self) -> Mapping[str, str]:
        return _authorization(self.user)


def conversations(running: Running, streams: int) -> Sequence[Conversation]:
    """One for each stream. To make them has each user's token validated, and remembered."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    made = [_conversation(connection, f"user-{n // _STREAMS_PER_USER}") for n in range(streams)]
    connection.close()
    return made


def _conversation(connection: http.client.HTTPConnection, user: str) -> Conversation:
    connection.request("POST", "/api/conversations", headers=_authorization(user))
    response = connection.getresponse()
    said = response.read()
    if response.status != HTTPStatus.CREATED:
        raise BenchmarkError(f"The service made no conversation: {said.decode(errors='replace')}")
    return Conversation(user, orjson.loads(said)["id"])


def _authorization(user: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {user}"}


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


def request(target: str, port: int, headers: Mapping[str, str], body: str = "") -> str:
    """A whole request: method and path, headers, and a body of JSON if there is one."""
    lines = [f"{target} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body])
