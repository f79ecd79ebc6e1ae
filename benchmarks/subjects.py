"""Starts the measured programs: the service, and the programs with which the service is compared."""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import orjson
import psycopg
from attrs import evolve, frozen
from benchmarks.database import Bench
from benchmarks.machine import raise_file_limit
from benchmarks.programs import Running, free_port, serving
from benchmarks.stored_relay import CONVERSATION, USER

#: Names of the subjects in tables and results.
DIRECT = "the token source, directly"
NGINX = "nginx, unbuffered"
STORED_RELAY = "the least that stores a turn"
CHATCORE = "chatcore, everything on"
CHATCORE_OPENAI = "chatcore over OpenAI's protocol"

# The service allows one user 8 replies at once by default.
_REPLIES_PER_USER = 8
_NGINX = """
daemon off; master_process off; error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections {files}; }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://127.0.0.1:{source}; proxy_http_version 1.1; proxy_buffering off; }}
    }}
}}
"""
_OUR_COMMAND = Path(sys.executable).with_name("chatcore")
_CREATE_CONVERSATION = """
insert into conversations (user_id, id, title, title_source, model_tag, created_at, updated_at)
values (%s, %s, 'New', 'default', 'default', now(), now())
"""


def http_request(target: str, headers: Mapping[str, str], body: str = "") -> str:
    """Returns a whole HTTP request with the target (method and path), headers, and an optional JSON body."""
    lines = [f"{target} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body])


def authorization(user: str) -> Mapping[str, str]:
    """Returns the header with a user's token, which equals the user's name."""
    return {"Authorization": f"Bearer {user}"}


@frozen
class Subject:
    """Runs a program between load client and token source. This base class runs no program in front of the source."""

    name: str = DIRECT
    #: The number of streams that can begin in a second without affecting the measurement of open streams.
    starts_per_second: int = 500

    @contextmanager
    def running(self, source_port: int, bench: Bench) -> Generator[Running]:  # noqa: ARG002 - others need both
        """Runs the program for the duration of the block."""
        yield Running(source_port, 0)

    def requests(self, running: Running, streams: int) -> Sequence[str]:  # noqa: ARG002 - others need both
        """Returns a request for each stream."""
        return [http_request("POST /generate", {}, "{}")] * streams


@frozen
class Nginx(Subject):
    """Runs nginx without buffering."""

    name: str = NGINX

    @contextmanager
    def running(self, source_port: int, bench: Bench) -> Generator[Running]:
        """Runs one process of nginx."""
        port, folder, files = free_port(), bench.folder / "nginx", raise_file_limit()
        folder.mkdir(exist_ok=True)
        configuration = folder / "nginx.conf"
        configuration.write_text(_NGINX.format(folder=folder, port=port, source=source_port, files=files))
        with serving(["nginx", "-c", str(configuration)], port=port, is_subject=True) as running:
            yield running


@frozen
class Chatcore(Subject):
    """Runs the service with all features: auth, turns stored before their streams begin, checkpoints, metrics, logs."""

    name: str = CHATCORE
    # The start of each stream waits for the database's fsync.
    starts_per_second: int = 70
    #: The command `chatcore` of the checkout that is measured.
    command: Path = _OUR_COMMAND
    #: Settings in addition to the settings that the service needs.
    settings: Mapping[str, str] = {}

    @contextmanager
    def running(self, source_port: int, bench: Bench) -> Generator[Running]:
        """Runs one worker on an empty database."""
        with bench.empty_database() as url:
            self.migrate(url)
            with self.serving(url, source_port) as running:
                yield running

    def migrate(self, url: str) -> None:
        """Creates the tables."""
        subprocess.run([self.command, "migrate"], env=self._environment(url, 0), check=True, stdout=subprocess.DEVNULL)

    @contextmanager
    def serving(self, url: str, source_port: int) -> Generator[Running]:
        """Runs one worker on a database that has the tables."""
        command, environment = [str(self.command), "serve", "--port={port}"], self._environment(url, source_port)
        with serving(command, is_subject=True, environment=environment) as running:
            yield evolve(running, database_url=url)

    def requests(self, running: Running, streams: int) -> Sequence[str]:
        """Returns a turn in a new conversation for each stream. Creating conversations fills the cache of tokens."""
        requests, body = [], '{"content":"What do you know of the sea?"}'
        with closing(HTTPConnection("127.0.0.1", running.port)) as connection:
            for headers in (authorization(f"user-{n // _REPLIES_PER_USER}") for n in range(streams)):
                connection.request("POST", "/api/conversations", headers=headers)
                id_ = orjson.loads(connection.getresponse().read())["id"]
                requests.append(http_request(f"POST /api/conversations/{id_}/messages", headers, body))
        return requests

    def _environment(self, url: str, source_port: int) -> Mapping[str, str]:
        source = f"http://127.0.0.1:{source_port}"
        services = {"AUTH_SERVICE_URL": source, "INFERENCE_SERVICE_URL": source, "INTERNAL_API_KEY": "key"}
        return {**os.environ, "DATABASE_URL": url, **services, **self.settings}


@frozen
class StoredRelay(Chatcore):
    """Runs a relay that only stores a turn before its stream begins: the least possible cost in Python."""

    name: str = STORED_RELAY

    @contextmanager
    def serving(self, url: str, source_port: int) -> Generator[Running]:
        """Runs one process on a database that has the tables."""
        command = [*module("stored_relay"), f"--source-port={source_port}", f"--database-url={url}"]
        with serving(command, is_subject=True) as running:
            yield evolve(running, database_url=url)

    def requests(self, running: Running, streams: int) -> Sequence[str]:
        """Returns a turn for each stream, each with its own user and conversation, so that turns do not conflict."""
        owners = [(f"user-{n}", str(uuid4())) for n in range(streams)]
        with psycopg.connect(running.database_url, autocommit=True) as connection:
            connection.cursor().executemany(_CREATE_CONVERSATION, owners)
        return [http_request("POST /generate", {USER: user, CONVERSATION: id_}, "{}") for user, id_ in owners]


def module(name: str) -> Sequence[str]:
    """Returns the command that runs a server of the benchmark."""
    return [sys.executable, "-m", f"benchmarks.{name}", "--port={port}"]


def services(other: Path | None, **settings: str) -> Sequence[Chatcore]:
    """Returns the service, and the service of another checkout if one is named."""
    others = {other.resolve().name: other.resolve() / ".venv" / "bin" / "chatcore"} if other else {}
    theirs = (Chatcore(f"chatcore in {name}", command=each, settings=settings) for name, each in others.items())
    return [Chatcore(settings=settings), *theirs]
