"""A real service on the most talkative level of logs, full of canaries, and everything that it says."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
from attrs import Factory, define, field
from psycopg.conninfo import conninfo_to_dict

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.secrecy.canary import Canary
from tests.integration.faults.tcp_proxy import TcpProxy
from tests.integration.inference_server import Call, Script, answer

ALICE, ADMIN = "alice", "admin"


@define(eq=False)
class Canaries:
    """What must not get out."""

    token: Canary = field(factory=lambda: Canary("the token"))
    key: Canary = field(factory=lambda: Canary("the internal key"))
    other_key: Canary = field(factory=lambda: Canary("the other internal key"))
    password: Canary = field(factory=lambda: Canary("the database's password"))
    text: Canary = field(factory=lambda: Canary("what was said"))

    @property
    def all(self) -> list[Canary]:
        """Returns all canaries."""
        return [*self.secrets, self.text]

    @property
    def secrets(self) -> list[Canary]:
        """Returns the canaries that no user may see in a response. The texts of conversations belong to users."""
        return [self.token, self.key, self.other_key, self.password]


@define(eq=False)
class Trap:
    """The service, and what it has answered."""

    cluster: Cluster
    proxy: TcpProxy
    database_url: str
    canaries: Canaries
    #: In place of an answer of the auth service.
    auth_trouble: Script | None = None
    answers: list[httpx.Response] = Factory(list)
    _http: httpx.AsyncClient = field(factory=lambda: httpx.AsyncClient(trust_env=False, timeout=10))

    @property
    def url(self) -> str:
        """Returns the address of the service."""
        return self.cluster.urls[0]

    @property
    def port(self) -> int:
        """Returns the port of the service."""
        return self.cluster.replicas[0].port

    def bearer(self, name: str = ALICE) -> dict[str, str]:
        """Returns the header by which a user is known; all of a token's variants begin with the canary."""
        return {"Authorization": f"Bearer {self.canaries.token.value}.{name}"}

    def saying(self, what: str = "please") -> dict[str, object]:
        """Returns a message."""
        return {"content": f"{what} {self.canaries.text.value} thank you"}

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: object
    ) -> httpx.Response:
        """Sends any request, by Alice unless the headers name another user."""
        sent = self.bearer() if headers is None else dict(headers)
        response = await self._http.request(method, f"{self.url}{path}", headers=sent, **request)  # type: ignore[arg-type] # as it takes
        self.answers.append(response)
        return response

    async def conversation(self, name: str = ALICE) -> str:
        """Creates a conversation; returns its path."""
        response = await self.call("POST", "/api/conversations", headers=self.bearer(name))
        assert response.status_code == 201, response.text
        return str(response.headers["location"])

    async def validate(self, call: Call) -> None:
        """Answers as the auth service."""
        if self.auth_trouble is not None:
            await self.auth_trouble(call)
            return
        body = call.request.json()
        assert isinstance(body, dict)
        name = str(body["token"]).rpartition(".")[2]
        user = {"id": f"user-{name}", "is_admin": name == ADMIN}
        vouched = orjson.dumps({"valid": True, "user": user, "claims": {}})
        await (answer(200, vouched) if name in {ALICE, ADMIN} else answer(401, b'{"valid":false}'))(call)

    def log(self) -> str:
        """Returns all that it has written, on either output."""
        return self.cluster.replicas[0].log_text()

    def check(self) -> None:
        """Sees that nothing got out: neither where it is written nor to those who were refused."""
        written = {"the log": self.log()} | {
            f"{response.request.method} {response.request.url.path} {response.status_code}": _said(response)
            for response in self.answers
        }
        found = [
            f"{canary.name} in {where}"
            for where, text in written.items()
            for canary in (self.canaries.secrets if where.endswith((" 200", " 201", " 202")) else self.canaries.all)
            if canary.is_in(text)
        ]
        assert found == []
        self.answers.clear()

    async def aclose(self) -> None:
        """Asks nothing more."""
        await self._http.aclose()


def _said(response: httpx.Response) -> str:
    return f"{response.headers} {response.text}"


@asynccontextmanager
async def trapped(server: EmbeddedPostgres, folder: Path) -> AsyncIterator[Trap]:
    """Provides the service in its trap, until the end of the block."""
    canaries = Canaries()
    database_url = await fresh_database(server)
    database = conninfo_to_dict(database_url)["dbname"]
    settings = {
        "INTERNAL_API_KEY": f"{canaries.key.value},{canaries.other_key.value}",
        "AUTH_TIMEOUT_SECONDS": "0.5",
        "BODY_TIMEOUT_SECONDS": "0.5",
        "DRAIN_SECONDS": "1",
        "INFERENCE_FIRST_FRAME_TIMEOUT_SECONDS": "0.5",
        "INFERENCE_IDLE_TIMEOUT_SECONDS": "0.5",
        "MAX_GENERATIONS_PER_USER": "2",
        "MAX_STREAMS_PER_USER": "2",
    }
    async with TcpProxy("127.0.0.1", server.port) as proxy:
        # The server takes anybody, with any password.
        behind = f"postgresql://postgres:{canaries.password.value}@127.0.0.1:{proxy.port}/{database}"
        async with Cluster(
            database_url, folder, size=1, settings=settings, service_database_url=behind, is_clean=False
        ) as cluster:
            trap = Trap(cluster, proxy, database_url, canaries)
            cluster.auth.on("/auth/validate", trap.validate)
            try:
                yield trap
            finally:
                await trap.aclose()
