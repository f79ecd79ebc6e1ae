"""Runs PostgreSQL, the auth service, a language model and the chat service on one machine.

The programs start in the order of their dependencies and stop in the reverse order, so that the chat service can finish
the replies in progress while the programs that it needs still run.
"""

import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from attrs import field, frozen

from chatcore_dev.auth_service.sign_in import CODE_VARIABLE, ORIGINS_VARIABLE, SIGN_IN_PATH, new_code
from chatcore_dev.auth_service.user_tokens import mint_token
from chatcore_dev.child_process import ChildProcess, Program, run_to_end
from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.interruption import Interruption, StopRequestedError
from chatcore_dev.local_inference import CONNECTION_SETTINGS, LocalInference, LocalModel, chatbots, chosen_inference
from chatcore_dev.local_services import service_program
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.postgres.embedded_postgres import EmbeddedPostgres, environment_without_postgres
from chatcore_dev.tcp_ports import LOOPBACK, free_port, reachable_host, require_free
from chatcore_dev.terminal import complain, say
from chatcore_dev.welcome import welcome

#: The data directory, relative to the folder in which `chatcore dev` is run.
DEFAULT_DATA_DIRECTORY = Path(".chatcore")

# The script `chatcore` may not be on the path, or may belong to another Python.
_CHATCORE = (sys.executable, "-m", "chatcore_service")

#: The variables that another program needs to use the running stack, besides the service's own address and a token.
_USED_BY_OTHERS = (
    "DATABASE_URL",
    "DATABASE_SCHEMA",
    "AUTH_SERVICE_URL",
    "INTERNAL_API_KEY",
    *sorted(CONNECTION_SETTINGS),
)

_READY_SECONDS = 60
# The service gives replies in progress 20 s to finish, and exits within 30 s.
_DRAIN_SECONDS = 35


def run_dev(host: str, port: int, data_dir: Path = DEFAULT_DATA_DIRECTORY, *, model: str = LocalModel.SMOLLM2) -> int:
    """Runs the local stack until Ctrl-C, SIGTERM, or the end of one of its programs.

    Args:
        host: the address on which the chat service listens; all other programs listen on loopback only.
        port: the chat service's port; 0 for any free port.
        data_dir: the directory that keeps the database, the logs and the secrets between runs; created if necessary.
        model: what writes the replies: `smollm2`, a language model, or `eliza`, old-fashioned chatbots, which also take
            the place of a language model that cannot run on this machine.

    Returns:
        The exit status: 0 after a requested stop; 1, with a sentence on standard error, if the stack could not run.
    """
    data = DataDirectory(data_dir.absolute())
    with Interruption() as interruption:
        try:
            require_free(host, port)
            with data.claimed():
                _Stack(data, interruption, host, port or free_port(), LocalModel(model)).run()
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
    model: LocalModel
    #: The code with which the page signs in, once.
    code: str = field(factory=new_code, repr=False)

    @property
    def url(self) -> str:
        return f"http://{reachable_host(self.host)}:{self.port}"

    def run(self) -> None:
        """Starts all programs, waits for a request to stop or the end of a program, and stops all programs."""
        key = self.data.secrets().internal_api_key
        with ExitStack() as running:
            say("Starting PostgreSQL, auth, a model and the chat service ...")
            environment = self._environment(key)
            children, inference = self._start_all(environment, running)
            self._wait_until_ready(children)
            token = mint_token(key, "demo")
            used = {name: environment[name] for name in _USED_BY_OTHERS if name in environment}
            running.enter_context(self.data.published({**used, "CHAT": self.url, "TOKEN": token}))
            say(welcome(url=self.url, code=self.code, token=token, data=self.data.path, inference=inference.sentence))
            running.callback(say, "Stopping ...")
            self._watch(children)

    def _environment(self, key: str) -> dict[str, str]:
        inherited = environment_without_postgres()
        return {
            # A page on this machine may be opened by either name, and a browser takes them for two origins.
            "FRONTEND_URL": "http://localhost:3000,http://127.0.0.1:3000",
            **{name: value for name, value in inherited.items() if name not in CONNECTION_SETTINGS},
            "PYTHONUNBUFFERED": "1",
            "INTERNAL_API_KEY": key,
        }

    def _start_all(self, environment: dict[str, str], running: ExitStack) -> tuple[list[ChildProcess], LocalInference]:
        # The auth service and the model have no dependencies, and load while the database is created.
        auth_port = free_port()
        auth = running.enter_context(
            self._running(service_program("auth", auth_port, self.data, environment | self._sign_in()))
        )
        inference = chosen_inference(self.model, self.data, environment)
        model = running.enter_context(self._running(inference.program))
        postgres, database_url = running.enter_context(EmbeddedPostgres(self.data, self.interruption).running())
        auth_url = f"http://{LOOPBACK}:{auth_port}"
        environment |= {
            "AUTH_SERVICE_URL": auth_url,
            "CONSOLE_SIGN_IN_URL": f"{auth_url}{SIGN_IN_PATH}",
            "DATABASE_URL": database_url,
        }
        run_to_end(self._migration(environment), self.interruption)
        if not self._loads(inference, model):
            reason = f"because the language model could not be loaded: see {inference.program.log}"
            inference = chatbots(self.data, environment, reason=reason)
            model = running.enter_context(self._running(inference.program))
        environment |= inference.settings
        chat = running.enter_context(self._running(self._chat_service(environment)))
        return [postgres, auth, model, chat], inference

    def _sign_in(self) -> dict[str, str]:
        """Returns what the auth service needs to sign the page in, by whichever name a browser opens it."""
        origins = f"{self.url},http://localhost:{self.port}"
        return {CODE_VARIABLE: self.code, ORIGINS_VARIABLE: origins}

    def _loads(self, inference: LocalInference, model: ChildProcess) -> bool:
        """Waits until a language model is loaded; returns False, and stops its program, if that fails."""
        deadline = time.monotonic() + _READY_SECONDS
        while inference.health_url and not _succeeds(inference.health_url):
            if model.exit_status is not None or time.monotonic() > deadline:
                model.stop()
                return False
            self.interruption.pause()
        return True

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
            stop_timeout_seconds=_DRAIN_SECONDS,
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
        while not _succeeds(f"{self.url}/api/ready"):
            self._require_running(children)
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"The chat service was not ready in {_READY_SECONDS} s; see {self.data.path}/logs."
                )
            self.interruption.pause()

    def _watch(self, children: list[ChildProcess]) -> None:
        while True:
            self._require_running(children)
            self.interruption.pause()

    def _require_running(self, children: list[ChildProcess]) -> None:
        for child in children:
            child.require_running()


def _succeeds(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
