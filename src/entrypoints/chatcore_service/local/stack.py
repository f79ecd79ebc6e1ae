"""The local stack: PostgreSQL, the auth and inference services and the chat service, on one machine.

They start in the order in which they need each other and stop in the reverse order, so that the chat service can
bring its replies to an end while everything that it needs is still there.
"""

import os
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from attrs import frozen

from chatcore_service.local.auth_service import mint_token
from chatcore_service.local.child_process import ChildProcess, Program, run_to_end
from chatcore_service.local.data_directory import DataDirectory
from chatcore_service.local.embedded_postgres import EmbeddedPostgres, environment_without_postgres
from chatcore_service.local.interruption import Interruption, StopRequestedError
from chatcore_service.local.local_stack_error import LocalStackError
from chatcore_service.local.loopback import LOOPBACK, free_port, reachable_host, require_free
from chatcore_service.local.terminal import complain, say
from chatcore_service.local.welcome import welcome

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
        port: likewise.
        data_dir: keeps the database, the logs and the secrets between runs; made where there is none.

    Returns:
        The exit status: 0 when it was asked to end, 1 with a sentence on standard error when it could not run.
    """
    data = DataDirectory(data_dir.absolute())
    with Interruption() as interruption:
        try:
            require_free(host, port)
            with data.claimed():
                _Stack(data, interruption, host, port).run()
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
    chatcore: Sequence[str] = _CHATCORE

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
        postgres, database_url = running.enter_context(EmbeddedPostgres(self.data, self.interruption).running())
        auth_port, inference_port = free_port(), free_port()
        environment = {
            **environment_without_postgres(),
            "PYTHONUNBUFFERED": "1",
            "INTERNAL_API_KEY": key,
            "DATABASE_URL": database_url,
            "AUTH_SERVICE_URL": f"http://{LOOPBACK}:{auth_port}",
            "INFERENCE_SERVICE_URL": f"http://{LOOPBACK}:{inference_port}",
            "FRONTEND_URL": os.environ.get("FRONTEND_URL", "http://localhost:3000"),
        }
        run_to_end(
            self._program("The migration of the database", "migrate", [*self.chatcore, "migrate"], environment),
            self.interruption,
        )
        auth = self._local_service("auth", auth_port, environment)
        inference = self._local_service("inference", inference_port, environment)
        serve = [*self.chatcore, "serve", "--host", self.host, "--port", str(self.port)]
        chat = self._program("The chat service", "chat", serve, environment, patience_seconds=_DRAIN_SECONDS)
        programs = (auth, inference, chat)
        return [postgres, *(running.enter_context(self._running(program)) for program in programs)]

    def _local_service(self, name: str, port: int, environment: Mapping[str, str]) -> Program:
        module = f"chatcore_service.local.{name}_service"
        return self._program(
            f"The {name} service", name, [sys.executable, "-m", module, "--port", str(port)], environment
        )

    def _program(
        self, name: str, log: str, command: list[str], environment: Mapping[str, str], *, patience_seconds: float = 10
    ) -> Program:
        return Program(
            name=name,
            command=command,
            log=self.data.log(log),
            environment=environment,
            patience_seconds=patience_seconds,
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
