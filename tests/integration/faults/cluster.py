"""Some replicas of the service over one database, with an auth and an inference service of the tests' own."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import orjson
import psycopg
from attrs import Factory, define, field

from tests.integration.faults.client import Client
from tests.integration.faults.ledger import Ledger
from tests.integration.faults.model import Model
from tests.integration.faults.oracle import Oracle
from tests.integration.faults.replica import Replica
from tests.integration.faults.waiting import eventually
from tests.integration.inference_server import Call, InferenceServer, answer

#: In every token: it must never be found in a log.
TOKEN_MARK = "T0KEN."
#: The key that proves the service to the other two.
INTERNAL_KEY = "internal-key-of-the-fault-tests"

_SETTINGS = {
    "INTERNAL_API_KEY": INTERNAL_KEY,
    "LOG_LEVEL": "DEBUG",
    "MAX_STREAMS_PER_USER": "1000",
    "MAX_GENERATIONS_PER_USER": "1000",
    "MAX_REQUESTS_PER_USER": "1000",
    # Shorter than the readers' patience, so that a frozen replica can be told from a silent model.
    "STREAM_KEEP_ALIVE_SECONDS": "2",
}
_PATIENCE_SECONDS = 8.0
_TOKEN_LIFE_SECONDS = 3600


async def _vouch(call: Call) -> None:
    body = call.request.json()
    assert isinstance(body, dict)
    user_id = user_of(body["token"])
    claims = {"sub": user_id, "exp": int(time.time()) + _TOKEN_LIFE_SECONDS}
    await answer(200, orjson.dumps({"valid": True, "user": {"id": user_id}, "claims": claims}))(call)


def user_of(token: str) -> str:
    """Returns the user whom the auth service knows by this token."""
    return f"user-{token.removeprefix(TOKEN_MARK)}"


@define(eq=False)
class Cluster:
    """``async with`` starts it all; at its end every replica that lives must end in peace and leave nothing behind.

    Args:
        database_url: where the oracle looks, past all proxies.
        folder: for the logs.
        size: how many replicas.
        settings: variables of the service beside the usual ones.
        arguments: of `chatcore serve`.
        service_database_url: where the replicas look, if not at `database_url`.
        pooled_connections: how many a pool between the service and the database may keep for itself.
        is_clean: whether nothing is injured that would be worth a traceback in the logs.
    """

    database_url: str
    folder: Path
    size: int = field(default=2, kw_only=True)
    settings: Mapping[str, str] = field(factory=dict, kw_only=True)
    arguments: tuple[str, ...] = field(default=(), kw_only=True)
    service_database_url: str | None = field(default=None, kw_only=True)
    is_clean: bool = field(default=True, kw_only=True)
    pooled_connections: int = field(default=0, kw_only=True)
    auth: InferenceServer = field(factory=InferenceServer, init=False)
    inference: InferenceServer = field(factory=InferenceServer, init=False)
    model: Model = field(factory=Model, init=False)
    ledger: Ledger = field(factory=Ledger, init=False)
    replicas: list[Replica] = Factory(list)
    _http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self.auth.on("/auth/validate", _vouch)
        self.inference.on("/generate", self.model)
        await self.auth.start()
        await self.inference.start()
        # No connection is kept: what a replica has open is then what is in use.
        self._http = httpx.AsyncClient(
            trust_env=False,
            timeout=httpx.Timeout(_PATIENCE_SECONDS, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )
        self.replicas += (self._replica(number) for number in range(self.size))
        try:
            for replica in self.replicas:
                replica.start()
            await asyncio.gather(*(replica.ready() for replica in self.replicas))
        except BaseException:
            await self._tear_down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._end_in_peace()
        finally:
            await self._tear_down()

    async def _tear_down(self) -> None:
        for replica in self.replicas:
            if replica.is_alive:
                replica.kill()
        assert self._http is not None
        await self._http.aclose()
        await self.inference.stop()
        await self.auth.stop()

    def _replica(self, number: int) -> Replica:
        environment = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "PYTHONPATH"}},
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
            "DATABASE_URL": self.service_database_url or self.database_url,
            "AUTH_SERVICE_URL": self.auth.base_url,
            "INFERENCE_SERVICE_URL": self.inference.base_url,
            **_SETTINGS,
            **self.settings,
        }
        name = f"replica-{number}"
        return Replica(name, environment, self.folder / f"{name}.log", self.arguments)

    async def _end_in_peace(self) -> None:
        self.model.release_all()
        living = [replica for replica in self.replicas if replica.is_alive]
        await asyncio.gather(*(replica.stop() for replica in living))
        await eventually(self._nobody_is_connected, within=10, what="all connections to the database closed")

    async def _nobody_is_connected(self) -> bool:
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            cursor = await connection.execute(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and application_name like 'chatcore%'"
            )
            row = await cursor.fetchone()
            return row is not None and row[0] <= self.pooled_connections

    # -- Use ------------------------------------------------------------------------------------------------------

    @property
    def urls(self) -> list[str]:
        """Returns the addresses of the replicas."""
        return [replica.base_url for replica in self.replicas]

    def user(self, name: str) -> Client:
        """Returns a user; the same name is the same user."""
        assert self._http is not None
        token = TOKEN_MARK + name
        return Client(user_of(token), token, self.ledger, self._http)

    async def revive(self) -> None:
        """Starts the replicas that have ended."""
        await asyncio.gather(*(replica.restart() for replica in self.replicas if not replica.is_alive))

    async def let_leases_run_out(self) -> None:
        """Expires all leases."""
        async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as connection:
            await connection.execute("update generations set lease_until = now() - interval '1 second'")

    async def check(self, *, within: float = 35.0) -> None:
        """Has the oracle judge everything that has happened so far."""
        oracle = Oracle(
            database_url=self.database_url,
            ledger=self.ledger,
            model=self.model,
            replicas=self.replicas,
            stranger=self.user("stranger"),
            user=lambda user_id: self.user(user_id.removeprefix("user-")),
            secrets=(TOKEN_MARK, INTERNAL_KEY),
            upstream_connections=lambda: self.auth.open_connections + self.inference.open_connections,
            is_clean=self.is_clean,
        )
        await oracle.check(within=within)
