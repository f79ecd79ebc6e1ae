"""What requests cost as a user's conversations grow in number, in a table of more than a million.

python -m benchmarks --only growth
"""

import asyncio
import http.client
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from statistics import median
from uuid import uuid4

import orjson
from attrs import field, frozen
from benchmarks.execution_times import timed_storage
from benchmarks.problem import BenchmarkError
from benchmarks.programs import off_the_subjects_core
from benchmarks.stored_users import StoredUser, fill, place_in_the_middle, require_disk
from benchmarks.subjects import Chatcore
from benchmarks.trial import Bench, running_source

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import Cursor, PageRequest
from chatcore.conversations.message import ConversationId, MessageId, Status
from chatcore.ports.storage import NewTurn
from chatcore.replies.lease import FinalState, OwnerId
from chatcore_postgres import PostgresStorage

#: How many conversations users have.
SIZES = (10, 1_000, 100_000, 1_000_000)
# The first are of a connection that is new, on either side.
_TIMES, _UNTIMED = 15, 3
_PAGE = 50
_BEGIN = {"Prefer": "respond-async", "Content-Type": "application/json"}
_QUESTION = b'{"content":"What do you know of the sea?"}'
_ENDING = FinalState(
    status=Status.COMPLETE,
    content="That it is deep.",
    error=None,
    token_count=4,
    inference_time_ms=200,
    returns_head=False,
    ended_at=datetime.now(UTC),
)
# Whoever asks for the next turn at once finds the last one's reply still in the making.
_SETTINGS = {"MAX_GENERATIONS_PER_USER": "10000"}


@frozen(kw_only=True)
class GrowthCost:
    """What one kind of request takes for a user with so many conversations."""

    kind: str
    conversations: int
    #: In the database, as it says itself, without its commit.
    database_ms: float
    #: For who asks over HTTP, one request after the other.
    request_ms: float


@frozen
class Kind:
    """One kind of request: as the storage is asked, and as the service is."""

    name: str
    stored: Callable[[], Awaitable[object]]
    asked: Callable[[], None]


@frozen
class Caller:
    """Somebody who asks the service, over one connection."""

    user: StoredUser
    _connection: http.client.HTTPConnection
    made: list[str] = field(factory=list)

    def get(self, path: str) -> None:
        """Gets a list, or what is in it."""
        self._ask("GET", path, HTTPStatus.OK)

    def create(self) -> None:
        """Makes a conversation."""
        self.made.append(orjson.loads(self._ask("POST", "", HTTPStatus.CREATED))["id"])

    def begin(self) -> None:
        """Begins a turn in a conversation that was made and is new."""
        self._ask("POST", f"/{self.made.pop()}/messages", HTTPStatus.ACCEPTED, _QUESTION, _BEGIN)

    def _ask(
        self, method: str, path: str, status: HTTPStatus, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> bytes:
        named = {"Authorization": f"Bearer {self.user.name}", **headers}
        self._connection.request(method, f"/api/conversations{path}", body, named)
        response = self._connection.getresponse()
        said = response.read()
        if response.status != status:
            raise BenchmarkError(f"{method} {path}: {response.status} {said.decode(errors='replace')}")
        return said


def measure(made: Bench, sizes: Sequence[int] = SIZES) -> list[GrowthCost]:
    """Fills a table, and asks for what is in it.

    Raises:
        BenchmarkError: there is no room for it, or the service could not be started, or gave another answer.
    """
    users = [StoredUser(size) for size in sizes]
    require_disk(made.folder, sum(sizes), shutil.disk_usage(made.folder).free)
    service = Chatcore(made.database_url, _SETTINGS, is_fresh=False)
    with running_source(0) as source:
        service.prepare(source.port)
        fill(made.database_url, users)
        with service.running(source.port, made.folder) as running, off_the_subjects_core():
            return asyncio.run(_costs(made.database_url, running.port, users))


async def _costs(database_url: str, port: int, users: Sequence[StoredUser]) -> list[GrowthCost]:
    async with timed_storage(database_url) as timed:
        with ExitStack() as stack:
            callers = [Caller(user, stack.enter_context(_connected(port))) for user in users]
            places = [place_in_the_middle(database_url, user) for user in users]
            kinds = list(zip(*map(partial(_kinds, timed.storage), callers, places), strict=True))
            # All of one before the other, so that no connection is idle for so long that the service closes it.
            requests = [await _in_turns([partial(_millis, kind.asked) for kind in same]) for same in kinds]
        statements = [await _in_turns([partial(timed.millis, kind.stored) for kind in same]) for same in kinds]
    return [
        GrowthCost(kind=kind.name, conversations=user.conversations, database_ms=in_database, request_ms=asked)
        for same, *columns in zip(kinds, statements, requests, strict=True)
        for kind, user, in_database, asked in zip(same, users, *columns, strict=True)
    ]


async def _in_turns(measures: Sequence[Callable[[], Awaitable[float]]]) -> Sequence[float]:
    """The median of each, all measured in turns: what the machine does meanwhile meets them alike."""
    rounds = [[await measure() for measure in measures] for _ in range(_TIMES)]
    return [median(column) for column in zip(*rounds[_UNTIMED:], strict=True)]


async def _millis(ask: Callable[[], None]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def _connected(port: int) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection("127.0.0.1", port))


def _kinds(storage: PostgresStorage, caller: Caller, middle: Cursor) -> Iterator[Kind]:
    user = caller.user

    def listed(request: PageRequest, query: str) -> tuple[Callable[[], Awaitable[object]], Callable[[], None]]:
        return partial(storage.list_conversations, user.name, request), partial(caller.get, f"?limit={_PAGE}{query}")

    yield Kind("list, first page", *listed(PageRequest(limit=_PAGE), ""))
    deep = PageRequest(limit=_PAGE, cursor=middle)
    yield Kind("list, from the middle by cursor", *listed(deep, f"&cursor={middle.encode()}"))
    passed = PageRequest(limit=_PAGE, offset=user.middle)
    yield Kind("list, from the middle by offset", *listed(passed, f"&offset={user.middle}"))
    yield Kind("open", partial(storage.open_conversation, user.name, user.first), partial(caller.get, f"/{user.first}"))
    yield Kind("create", lambda: storage.create_conversation(_new(user)), caller.create)
    yield Kind("begin a turn", partial(_begin, storage, user), caller.begin)


def _new(user: StoredUser) -> Conversation:
    now = datetime.now(UTC)
    return Conversation(id=ConversationId(uuid4()), user_id=user.name, created_at=now, updated_at=now)


async def _begin(storage: PostgresStorage, user: StoredUser) -> None:
    """A turn in a new conversation is the last statement that is timed; how it ends is for other connections."""
    conversation = _new(user)
    await storage.create_conversation(conversation)
    turn = NewTurn(
        user_id=user.name,
        conversation_id=conversation.id,
        user_message_id=MessageId(uuid4()),
        reply_id=MessageId(uuid4()),
        owner_id=OwnerId(uuid4()),
        content="What do you know of the sea?",
        title="What do you know of the sea?",
        idempotency_key=None,
        history_limit=50,
        max_generations=8,
        now=conversation.created_at,
    )
    begun = await storage.begin_turn(turn)
    if begun.lease:
        await storage.finish(begun.lease, _ENDING)
