"""A proxy before PostgreSQL that injures single statements: lost requests, lost replies, errors of any kind."""

from enum import Enum, auto
from urllib.parse import urlsplit

from attrs import Factory, define, field

from tests.integration.faults.model import CANARY
from tests.integration.faults.postgres_wire import (
    READY_FOR_QUERY,
    StatementTracker,
    WireMessage,
    query,
    read_message,
    read_startup,
)
from tests.integration.faults.tcp_proxy import Link, TcpProxy

# Like a real error's, its detail shows the row: it is not to be found in a log.
_RAISE = (
    "do $$begin raise exception using errcode = '{sqlstate}', message = 'injected',"
    " detail = 'Failing row contains ({row}).'; end$$"
)


class Loss(Enum):
    """What gets lost of a statement, and with it the connection."""

    #: It takes effect, and whoever sent it is not told: the lost COMMIT reply.
    REPLY = auto()
    #: It never arrives.
    REQUEST = auto()


@define(eq=False)
class Rule:
    """What happens to the statements that contain `fragment`, for the next `times`."""

    fragment: str
    #: What is lost; or the SQLSTATE that the server answers in place of the result.
    fault: Loss | str
    times: int
    #: How often it has happened.
    hits: int = 0

    def applies_to(self, statement: str) -> bool:
        """Returns whether it is to happen to `statement` now."""
        return self.hits < self.times and self.fragment in statement


@define(eq=False)
class PostgresProxy(TcpProxy):
    """A :class:`TcpProxy` that also knows where a statement begins and its answer ends."""

    #: Applied in this order, the first one that applies.
    rules: list[Rule] = field(factory=list)
    _muted: set[Link] = Factory(set)

    def url(self, database_url: str) -> str:
        """Returns the way to a database of the server through here. Not encrypted: what passes has to be read."""
        parts = urlsplit(database_url)
        netloc = f"{parts.username}@127.0.0.1:{self.port}"
        return parts._replace(netloc=netloc, query="sslmode=disable&gssencmode=disable").geturl()

    def on(self, fragment: str, fault: Loss | str, *, times: int = 1) -> Rule:
        """Injects `fault` into all further statements that contain `fragment`."""
        rule = Rule(fragment, fault, times)
        self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """Ends every fault."""
        super().heal()
        self.rules.clear()

    async def _to_service(self, link: Link) -> None:
        startup, is_cancel = await read_startup(link.caller_reader)
        await self._pass_on(startup, link.service_writer)
        if is_cancel:
            await self._pump(link.caller_reader, link.service_writer)
            return
        statements = StatementTracker()
        batch: list[WireMessage] = []
        while True:
            message = await read_message(link.caller_reader)
            statements.note(message)
            batch.append(message)
            if not message.is_part_of_batch:
                await self._send(b"".join(part.raw for part in batch), statements.executing, link)
                batch.clear()
                statements.executing = ""

    async def _send(self, batch: bytes, statement: str, link: Link) -> None:
        rule = next((rule for rule in self.rules if rule.applies_to(statement)), None) if statement else None
        if rule is not None:
            rule.hits += 1
            match rule.fault:
                case Loss.REPLY:
                    self._muted.add(link)
                case Loss.REQUEST:
                    link.reset()
                    return
                case sqlstate:
                    # The server raises it itself, so that its transaction stands as it would.
                    batch = query(_RAISE.format(sqlstate=sqlstate, row=CANARY))
        await self._pass_on(batch, link.service_writer)

    async def _to_caller(self, link: Link) -> None:
        while True:
            message = await read_message(link.service_reader)
            if link not in self._muted:
                await self._pass_on(message.raw, link.caller_writer)
            elif message.kind == READY_FOR_QUERY:
                self._muted.discard(link)
                link.reset()
                return
