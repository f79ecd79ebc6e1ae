"""A client who does at random what users do, over connections that break, on replicas that come and go."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random

import httpx
from attrs import Factory, define

from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.ledger import Outcome

#: What a caller must reckon with whose replica, or its database, is away; and whose conversation is deleted.
AWAY = 503
GONE = 404
#: What a caller must reckon with whose reply has gone on, or has messages below it, meanwhile.
BUSY = 409

_MOST_CONVERSATIONS = 3
_MOST_TRIES = 8
_RETRY_SECONDS = 0.3


@define(eq=False)
class Visitor:
    """One of them. What it does is settled by `random`; what comes of it is in the client's ledger."""

    client: Client
    cluster: Cluster
    #: Where it finds the replicas.
    urls: Sequence[str]
    random: Random
    #: What it has done.
    counts: Counter[str]
    _conversations: list[str] = Factory(list)
    #: Replies with their conversations, newest last.
    _replies: list[tuple[str, str]] = Factory(list)
    _reading: set["asyncio.Task[None]"] = Factory(set)

    async def visit(self, until: asyncio.Event) -> None:
        """Does one thing after the other."""
        deeds: dict[Callable[[], Awaitable[None]], float] = {
            self._send: 8,
            self._regenerate: 1,
            self._continue: 2,
            self._stop: 1.5,
            self._open: 2,
            self._list: 1,
            self._delete: 0.4,
        }
        while not until.is_set():
            (deed,) = self.random.choices(list(deeds), list(deeds.values()))
            try:
                await deed()
            except httpx.TransportError:
                self.counts["requests without an answer"] += 1
            await asyncio.sleep(self.random.uniform(0, 0.4))

    async def finish_reading(self) -> None:
        """Reads to the end whatever it has begun to read."""
        await asyncio.gather(*self._reading)

    def leave(self) -> None:
        """Reads no more."""
        for task in self._reading:
            task.cancel()

    # -- Deeds ----------------------------------------------------------------------------------------------------

    def _anywhere(self) -> str:
        return self.random.choice(self.urls)

    async def _conversation(self) -> str:
        if len(self._conversations) < _MOST_CONVERSATIONS:
            response = await self.client.call("POST", "", on=self._anywhere())
            _expect(response, 201, AWAY)
            if response.status_code == 201:
                conversation_id: str = response.json()["id"]
                self.client.ledger.owners[conversation_id] = self.client.user_id
                self._conversations.append(conversation_id)
        if not self._conversations:
            raise httpx.PoolTimeout("there is no conversation yet")
        return self.random.choice(self._conversations)

    async def _send(self) -> None:
        conversation = await self._conversation()
        prompt, key = self.client.prompt(), f"{self.random.getrandbits(64):x}"
        self.cluster.model.will_say(prompt, self.random.randint(1, 120), every=self.random.uniform(0.002, 0.06))
        headers = {"prefer": "respond-async"} if self.random.random() < 0.3 else {}
        for _ in range(_MOST_TRIES):
            with suppress(httpx.TransportError):
                answer = await self.client.send(conversation, prompt, on=self._anywhere(), key=key, headers=headers)
                if answer.status != AWAY:
                    self._take(conversation, answer)
                    return
            if self.random.random() < 0.1:
                self.counts["sends given up"] += 1
                return
            self.counts["sends repeated"] += 1
            await asyncio.sleep(_RETRY_SECONDS)

    def _take(self, conversation: str, answer: Answer) -> None:
        if answer.status in {200, 202, 409}:
            self.counts["refused: a reply is being made" if answer.status == 409 else "replies begun"] += 1
            self._replies.append((conversation, answer.reply_id))
            self._begin_to_read(self._read(conversation, answer))
        else:
            _expect(answer.response, GONE, AWAY)
            self.counts[f"refused: {answer.status}"] += 1

    async def _regenerate(self) -> None:
        conversation = await self._conversation()
        answer = await self.client.regenerate(conversation, on=self._anywhere())
        self.counts["regenerated"] += answer.status == 200
        # A conversation in which nothing was said yet has nothing to regenerate.
        if answer.status != 400:
            self._take(conversation, answer)

    async def _continue(self) -> None:
        if not self._replies:
            return
        conversation, reply = self._replies[-1]
        response = await self.client.call("GET", f"/{conversation}", on=self._anywhere())
        _expect(response, 200, GONE, AWAY)
        shown = response.json().get("messages") or [{}]
        if shown[-1].get("id") == reply and shown[-1]["status"] in {"interrupted", "stopped"}:
            await self._ask_for_the_rest(shown[-1])

    async def _ask_for_the_rest(self, message: dict[str, object]) -> None:
        key = {"idempotency-key": f"{self.random.getrandbits(64):x}"}
        headers = {"prefer": "respond-async"} if self.random.random() < 0.3 else {}
        for _ in range(_MOST_TRIES):
            with suppress(httpx.TransportError):
                answer = await self.client.go_on(message, on=self._anywhere(), headers={**key, **headers})
                if answer.status != AWAY:
                    _expect(answer.response, 200, 202, GONE, BUSY)
                    self.counts["continued" if answer.status in {200, 202} else "not continued"] += 1
                    if answer.status == 202:
                        self._begin_to_read(self._follow(self.client.shown(message)))
                    elif answer.status == 200:
                        self._begin_to_read(self._read(str(message["conversation_id"]), answer))
                    return
            await asyncio.sleep(_RETRY_SECONDS)

    async def _stop(self) -> None:
        if self._replies:
            conversation, reply = self._replies[-1]
            response = await self.client.stop(conversation, reply, on=self._anywhere())
            _expect(response, 200, GONE, AWAY)
            self.counts["stopped"] += response.status_code == 200

    async def _open(self) -> None:
        conversation = await self._conversation()
        acknowledged = {
            sent.content
            for sent in self.client.ledger.sent
            if sent.conversation_id == conversation and sent.outcome is Outcome.OK
        }
        response = await self.client.call("GET", f"/{conversation}", on=self._anywhere())
        _expect(response, 200, GONE, AWAY)
        if response.status_code == 200 and conversation not in self.client.ledger.deleted:
            shown = {message["content"] for message in response.json()["messages"]}
            assert acknowledged <= shown, f"not shown: {acknowledged - shown}"
            self.counts["opened"] += 1

    async def _list(self) -> None:
        response = await self.client.call("GET", "?limit=200", on=self._anywhere())
        _expect(response, 200, AWAY)
        if response.status_code == 200:
            assert {item["user_id"] for item in response.json()["items"]} <= {self.client.user_id}
            self.counts["listed"] += 1

    async def _delete(self) -> None:
        if self._conversations:
            conversation = self._conversations.pop(self.random.randrange(len(self._conversations)))
            status = await self.client.delete(conversation, on=self._anywhere())
            assert status in {204, GONE, AWAY}, status
            self.counts["deleted"] += status == 204

    # -- Reading --------------------------------------------------------------------------------------------------

    def _begin_to_read(self, reading: Awaitable[None]) -> None:
        task = asyncio.ensure_future(reading)
        self._reading.add(task)

    async def _read(self, conversation: str, answer: Answer) -> None:
        if answer.reading is None:
            follower = self.client.follow(conversation, answer.reply_id)
        else:
            await answer.read(at_least=self._some_of_it())
            if answer.reading.is_done:
                return
            follower = Follower.after(self.client, answer.reading)
        await self._follow(follower)

    async def _follow(self, follower: Follower) -> None:
        while not follower.is_finished:
            self.counts["readers moved"] += 1
            await follower.connect(on=self._anywhere(), at_least=self._some_of_it(len(follower.text)))
            await asyncio.sleep(self.random.uniform(0, 0.2))

    def _some_of_it(self, so_far: int = 0) -> int | None:
        return so_far + self.random.randint(1, 2000) if self.random.random() < 0.7 else None


def _expect(response: httpx.Response, *statuses: int) -> None:
    assert response.status_code in statuses, f"{response.request.method} {response.status_code}: {response.text}"
