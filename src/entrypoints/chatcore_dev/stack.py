"""The local stack: PostgreSQL, the auth and inference services and the chat service, on one machine.

They start in the order in which they need each other and stop in the reverse order, so that the chat service can
bring its replies to an end while everything that it needs is still there.
"""

import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from attrs import frozen

from chatcore_dev.auth_service import mint_token
from chatcore_dev.child_process import ChildProcess, Program, run_to_end
from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.embedded_postgres import EmbeddedPostgres, environment_without_postgres
from chatcore_dev.interruption import Interruption, StopRequestedError
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.loopback import LOOPBACK, free_port, reachable_host, require_free
from chatcore_dev.terminal import complain, say
from chatcore_dev.welcome import welcome

#: Below the folder in which `chatcore dev` is run.
DEFAULT_DATA_DIRECTORY = Path(".chatcore")

# Not the script `chatcore`: it need not be on the path, and belongs to whichever Python installed it.
_CHATCORE = (sys.executable, "-m", "chatcore_service")

_READY_SECONDS = 60
# The service gives running replies 20 s to finish, and is gone after 30.
_DRAIN_SECONDS = 35


def run_dev(host: str, port: int, data_dir: Path = DEFAULT_DATA_DIRECTORY) -> int:
    """Runs the local stack until Ctrl-C, SIGTERM, or the end of one of its parts.

    Args:
        host: where the chat service listens; everything else listens on loopback only.
        port: likewise; 0 for any that is free.
        data_dir: keeps the database, the logs and the secrets between runs; made where there is none.

    Returns:
        The exit status: 0 when it was asked to end, 1 with a sentence on standard error when it could not run.
    """
    data = DataDirectory(data_dir.absolute())
    with Interruption() as interruption:
        try:
            require_free(host, port)
            with data.claimed():
                _Stack(data, interruption, host, port or free_port()).run()
        except StopRequestedError:
            say("Stopped.")
            return 0
        except LocalStackError as error:
            complain(str(error))
            return 1
    return 0


@frozen
class _Stack:
    data: DataDirectory
    interruption: Interruption
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{reachable_host(self.host)}:{self.port}"

    def run(self) -> None:
        """Starts all, waits for the end of one or for a request to stop, stops all."""
        key = self.data.secrets().internal_api_key
        with ExitStack() as running:
            say("Starting PostgreSQL, auth, inference and the chat service ...")
            children = self._start_all(key, running)
            self._wait_until_ready(children)
            say(welcome(url=self.url, token=mint_token(key, "demo"), data=self.data.path))
            running.callback(say, "Stopping ...")
            self._watch(children)

    def _start_all(self, key: str, running: ExitStack) -> list[ChildProcess]:
        environment = {**environment_without_postgres(), "PYTHONUNBUFFERED": "1", "INTERNAL_API_KEY": key}
        # These two need nothing, and load while the database is made.
        auth, environment["AUTH_SERVICE_URL"] = self._start_local("auth", environment, running)
        inference, environment["INFERENCE_SERVICE_URL"] = self._start_local("inference", environment, running)
        postgres, environment["DATABASE_URL"] = running.enter_context(
            EmbeddedPostgres(self.data, self.interruption).running()
        )
        run_to_end(self._migration(environment), self.interruption)
        chat = running.enter_context(self._running(self._chat_service(environment)))
        return [postgres, auth, inference, chat]

    def _start_local(self, name: str, environment: Mapping[str, str], running: ExitStack) -> tuple[ChildProcess, str]:
        port = free_port()
        program = Program(
            name=f"The {name} service",
            command=[sys.executable, "-m", f"chatcore_dev.{name}_service", "--port", str(port)],
            log=self.data.log(name),
            environment=environment,
        )
        return running.enter_context(self._running(program)), f"http://{LOOPBACK}:{port}"

    def _migration(self, environment: Mapping[str, str]) -> Program:
        return Program(
            name="The migration of the database",
            command=[*_CHATCORE, "migrate"],
            log=self.data.log("migrate"),
            environment=environment,
        )

    def _chat_service(self, environment: Mapping[str, str]) -> Program:
        return Program(
            name="The chat service",
            command=[*_CHATCORE, "serve", "--host", self.host, "--port", str(self.port)],
            log=self.data.log("chat"),
            environment=environment,
            patience_seconds=_DRAIN_SECONDS,
        )

    @contextmanager
    def _running(self, program: Program) -> Generator[ChildProcess]:
        child = ChildProcess(program, self.interruption)
        try:
            yield child
        finally:
            child.stop()

    def _wait_until_ready(self, children: list[ChildProcess]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            self._require_running(children)
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"The chat service was not ready in {_READY_SECONDS} s; see {self.data.path}/logs."
                )
            self.interruption.pause()

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/ready", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _watch(self, children: list[ChildProcess]) -> None:
        while True:
            self._require_running(children)
            self.interruption.pause()

    def _require_running(self, children: list[ChildProcess]) -> None:
        for child in children:
            child.require_running()
