"""Checks what must hold whatever was done to the service.

* O1: every acknowledged message is stored exactly once.
* O2, O3, O4: what is stored is what the model said and what readers were shown.
* O5: every generation comes to a final state.
* O6: no user sees what belongs to another, and nothing that was deleted reappears.
* O7: nothing is left behind: no delta, no transaction, no stream.
* O8: no log contains a secret.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, pairwise

import psycopg
from attrs import frozen
from psycopg.rows import class_row

from tests.integration.faults.client import Client
from tests.integration.faults.event_stream import whole_number
from tests.integration.faults.ledger import Ledger, Outcome, Reading, Sent
from tests.integration.faults.model import CANARY, Model
from tests.integration.faults.replica import Replica
from tests.integration.faults.reply_log import Log
from tests.integration.faults.waiting import eventually

# Connections to the database that a replica keeps for the next request.
_KEPT_FILES = 25
# A replica asks the auth service about so many users at once, and no more.
_LOOKS_AT_ONCE = 50
_UNCLEAN = ("was never awaited", "Task was destroyed", "exception was never retrieved")
_TRACEBACK = "Traceback (most recent"


@frozen(kw_only=True)
class StoredMessage:
    """A row."""

    user_id: str
    id: str
    conversation_id: str
    parent_id: str | None
    position: int
    role: str
    content: str
    status: str
    #: None while the reply is made.
    token_count: int | None
    #: Where each generation of the reply after the first began.
    cuts: Sequence[int]
    #: What is not text: position, text offset, kind and body of each.
    pieces: Sequence[tuple[int, int, str, str]]

    @property
    def log(self) -> Log:
        """Returns the log of the reply."""
        return Log.stored(self.content, self.pieces)

    @property
    def generations(self) -> int:
        """Returns how many generations have made the reply."""
        return 1 + len(self.cuts)

    def kept(self, reading: Reading) -> Log:
        """Returns what a reader keeps of what it was shown, once it has come back."""
        return reading.log.until(min([len(reading.log), *self.cuts[reading.generation - 1 :]]))


@frozen(kw_only=True)
class Oracle:
    """Compares what clients were told and shown with what is stored, once nothing is injured any more."""

    database_url: str
    ledger: Ledger
    model: Model
    replicas: Sequence[Replica]
    #: A user to whom nothing belongs.
    stranger: Client
    user: Callable[[str], Client]
    #: What must not be in the logs.
    secrets: tuple[str, ...]
    #: How many connections to auth and inference stand, which replicas keep for the next request.
    upstream_connections: Callable[[], int]
    #: Whether there was no reason for a traceback in the logs.
    is_clean: bool

    @property
    def _serving(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.is_alive and not replica.is_frozen]

    async def check(self, *, within: float) -> None:
        """Waits until every generation has ended, for `within` seconds, and judges."""
        await eventually(self._all_is_quiet, within=within, what="O5: every generation in its final state")
        messages = await self._messages()
        self._check_user_messages(messages)
        self._check_order(messages)
        self._check_replies(messages)
        self._check_calls(messages)
        self._check_readings(messages)
        await self._check_conversations(messages)
        await self._check_strangers()
        await self._check_leaks()
        self._check_logs()

    # -- What is stored -------------------------------------------------------------------------------------------

    async def _count(self, query: str) -> int:
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            row = await (await connection.execute(query.encode())).fetchone()
            assert row is not None
            count: int = row[0]
            return count

    async def _all_is_quiet(self) -> bool:
        generations = await self._count("select count(*) from generations")
        streaming = await self._count("select count(*) from messages where status = 'streaming'")
        return generations + streaming == 0

    async def _messages(self) -> list[StoredMessage]:
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            cursor = connection.cursor(row_factory=class_row(StoredMessage))
            await cursor.execute(
                "select user_id, id::text, conversation_id::text, parent_id::text, position, role, content, status,"
                " token_count, coalesce(cuts, '{}') as cuts, coalesce((select"
                " json_agg(json_build_array(p.position, p.text_offset, p.kind, p.body) order by p.position)"
                " from pieces as p where p.user_id = m.user_id and p.message_id = m.id), '[]') as pieces"
                " from messages as m order by user_id, conversation_id, position"
            )
            return await cursor.fetchall()

    # -- O1: every acknowledged message exactly once ------------------------------------------------------------------

    def _check_user_messages(self, messages: Sequence[StoredMessage]) -> None:
        stored = Counter((m.user_id, m.conversation_id, m.content) for m in messages if m.role == "user")
        for sent in self.ledger.sent:
            count = stored.pop((sent.user_id, sent.conversation_id, sent.content), 0)
            if sent.conversation_id in self.ledger.deleted:
                assert count <= 1, f"O1: {sent} is there {count} times"
            else:
                assert count in _expected(sent), f"O1: {sent} is there {count} times"
        assert not stored, f"O1: nobody sent {stored}"

    def _check_order(self, messages: Sequence[StoredMessage]) -> None:
        positions = {m.content: m.position for m in messages if m.role == "user"}
        by_conversation: dict[str, list[Sent]] = {}
        for sent in self.ledger.acknowledged():
            by_conversation.setdefault(sent.conversation_id, []).append(sent)
        for history in by_conversation.values():
            history.sort(key=lambda sent: positions[sent.content])
            for earlier, later in pairwise(history):
                assert later.told_at is not None
                assert earlier.sent_at < later.told_at, f"O1: {later} was done before {earlier} was begun"

    # -- O2, O3, O4: what is stored is what was said and what was shown -----------------------------------------------

    def _check_replies(self, messages: Sequence[StoredMessage]) -> None:
        prompts = {m.id: m.content for m in messages if m.role == "user"}
        for message in messages:
            if message.role != "assistant":
                continue
            assert message.parent_id is not None
            speech = self.model.speech(prompts[message.parent_id])
            whole = speech.text
            assert whole.startswith(message.content), f"O3: {message} is not what the model said"
            assert (message.status == "failed") is (not message.content) or message.status == "stopped", message
            if message.status == "complete":
                assert message.content == whole, f"O3: {message} is complete and is not all of it"
                assert speech.token_count in {None, message.token_count}, f"O3: {message} has other tokens"

    def _check_calls(self, messages: Sequence[StoredMessage]) -> None:
        prompts = {m.id: m.content for m in messages if m.role == "user"}
        replies: Counter[str] = Counter()
        for message in messages:
            if message.role == "assistant" and message.parent_id:
                replies[prompts[message.parent_id]] += message.generations
        calls = Counter(saying.prompt for saying in self.model.sayings)
        replies.update(self.ledger.deleted_replies)
        for prompt, count in replies.items():
            assert calls[prompt] <= count, f"O4: {calls[prompt]} calls, {count} generations for {prompt}"

    def _check_readings(self, messages: Sequence[StoredMessage]) -> None:
        replies = {m.id: m for m in messages if m.role == "assistant"}
        for reading in self.ledger.readings:
            reply = replies.get(reading.reply_id)
            if reply is None:
                assert reading.conversation_id in self.ledger.deleted, f"O3: the reply of {reading} is lost"
            else:
                _check_reading(reading, reply)

    # -- O4, O6: conversations ----------------------------------------------------------------------------------------

    async def _check_conversations(self, messages: Sequence[StoredMessage]) -> None:
        stored: dict[str, dict[str, StoredMessage]] = {conversation: {} for conversation in self.ledger.owners}
        for message in messages:
            stored[message.conversation_id][message.id] = message
        news = {id_: held for id_, held in stored.items() if self.ledger.seen.get(id_) != held}
        looks = list(zip(news.items(), cycle(self._serving), strict=False))
        for start in range(0, len(looks), _LOOKS_AT_ONCE):
            group = looks[start : start + _LOOKS_AT_ONCE]
            await asyncio.gather(*(self._check_conversation(id_, held, replica) for (id_, held), replica in group))
        self.ledger.seen |= news

    async def _check_conversation(self, id_: str, held: dict[str, StoredMessage], replica: Replica) -> None:
        user_id = self.ledger.owners[id_]
        shown = await self.user(user_id).call("GET", f"/{id_}", on=replica.base_url)
        if id_ in self.ledger.deleted and shown.status_code == 404:
            assert not held, "O6: reappeared"
            return
        assert shown.status_code == 200, shown.text
        assert {message.user_id for message in held.values()} <= {user_id}, "O6: a message of another user"
        for message in json.loads(shown.content, parse_int=whole_number)["messages"]:
            as_stored = held[message["id"]]
            assert (message["content"], message["status"]) == (as_stored.content, as_stored.status)

    async def _check_strangers(self) -> None:
        for replica in self._serving:
            for reading in self.ledger.readings[:1]:
                path = f"/{reading.conversation_id}"
                for method, foreign in (
                    ("GET", path),
                    ("DELETE", path),
                    ("GET", f"{path}/messages/{reading.reply_id}/stream"),
                    ("POST", f"{path}/messages/{reading.reply_id}/stop"),
                ):
                    response = await self.stranger.call(method, foreign, on=replica.base_url)
                    assert response.status_code == 404, f"O6: {method} {foreign} of another user: {response}"

    # -- O7, O8: nothing is left behind -------------------------------------------------------------------------------

    async def _check_leaks(self) -> None:
        assert await self._count("select count(*) from deltas") == 0, "O7: deltas are left"
        await eventually(self._no_transaction_is_open, within=10, what="O7: no open transaction")
        for replica in self._serving:
            await eventually(partial(self._is_at_rest, replica), within=20, what=f"O7: {replica.name} at rest")

    async def _is_at_rest(self, replica: Replica) -> bool:
        return (
            replica.open_files() <= replica.files_when_ready + _KEPT_FILES + self.upstream_connections()
            and await replica.figure("chatcore_active_generations") == 0
            and await replica.figure("chatcore_open_streams") == 0
        )

    async def _no_transaction_is_open(self) -> bool:
        open_transactions = await self._count(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid() and xact_start is not null"
        )
        return open_transactions == 0

    def _check_logs(self) -> None:
        for replica in self.replicas:
            log = replica.log_text()
            for secret in (CANARY, *self.secrets):
                assert secret not in log, f"O8: {secret} in the log of {replica.name}: {_around(log, secret)}"
            for sign in (*_UNCLEAN, *((_TRACEBACK,) if self.is_clean else ())):
                assert sign not in log, f"O7: {sign!r} in the log of {replica.name}: {_around(log, sign)}"


def _expected(sent: Sent) -> set[int]:
    return {Outcome.OK: {1}, Outcome.FAIL: {0}, Outcome.INFO: {0, 1}}[sent.outcome]


def _check_reading(reading: Reading, reply: StoredMessage) -> None:
    if reading.is_done:
        # A reader of an earlier generation was told the end before the reply was continued.
        is_whole = reading.generation == reply.generations
        owed = reply.log if is_whole else reply.log.until(len(reading.log))
        assert reading.log == owed, f"O3: {reading} read something else than {reply}"
        is_told_complete = reading.error is None
        assert not is_whole or is_told_complete is (reply.status == "complete"), f"O3: {reading} ended not as {reply}"
    elif not reply.log.starts_with(reply.kept(reading)):
        # The text that did not survive came last, and the reply ended without it.
        assert reply.status in {"interrupted", "failed"}, f"O3: {reading} was shown what {reply} does not have"
        assert reply.kept(reading).starts_with(reply.log), f"O3: {reading} read something else than {reply}"


def _around(log: str, sign: str) -> str:
    at = log.index(sign)
    return log[max(at - 500, 0) : at + 3000]
