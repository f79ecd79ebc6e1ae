"""A user of the service."""

import json
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx
from attrs import Factory, define

from tests.integration.faults.event_stream import events, whole_number
from tests.integration.faults.ledger import Ledger, Outcome, Reading, Sent
from tests.integration.faults.model import CANARY

# What the service says when nothing was stored and nothing will be.
_REFUSALS = frozenset({400, 401, 404, 409, 413, 422, 429})


def reply_of(path: str) -> str:
    """Returns the reply's id in the path of its stream."""
    *_, messages, reply_id, stream = path.split("/")
    assert (messages, stream) == ("messages", "stream"), path
    return reply_id


@define(eq=False)
class Answer:
    """The response to a POST that makes a reply: a stream, a 202 or a refusal."""

    response: httpx.Response
    #: Set where a stream came.
    reading: Reading | None = None

    @property
    def status(self) -> int:
        """Returns the response's status."""
        return self.response.status_code

    @property
    def reply_id(self) -> str:
        """Returns the reply that the response is about."""
        headers = self.response.headers
        return reply_of(headers.get("content-location") or headers["location"])

    @property
    def stream(self) -> Reading:
        """Returns what was read of the stream so far."""
        assert self.reading is not None, f"no stream: {self.status} {self.response.text}"
        return self.reading

    async def read(self, *, at_least: int | None = None) -> Reading:
        """Reads to the end of the stream, or until there are that many code points; a broken stream just ends."""
        reading = self.stream
        with suppress(httpx.TransportError):
            async for event in events(self.response.aiter_raw()):
                reading.take(event)
                if at_least is not None and len(reading.log) >= at_least:
                    break
        await self.response.aclose()
        return reading

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.response.aclose()


@define(eq=False)
class Client:
    """One user, with a token; `on` is always the base URL to call."""

    user_id: str
    token: str
    ledger: Ledger
    _http: httpx.AsyncClient
    #: Path of the conversations.
    root: str = "/api/conversations"
    _streams: list[httpx.Response] = Factory(list)

    @property
    def authorization(self) -> dict[str, str]:
        """Returns the header with the user's token."""
        return {"authorization": f"Bearer {self.token}"}

    def prompt(self, about: str = "") -> str:
        """Returns a message that no other test sends."""
        return f"{CANARY} {self.user_id} {about} {uuid4().hex}"

    async def call(
        self, method: str, path: str, *, on: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Sends any request; `path` is below the conversations."""
        all_headers = {**self.authorization, **(headers or {})}
        return await self._http.request(method, on + self.root + path, json=body, headers=all_headers)

    async def create(self, *, on: str) -> str:
        """Makes a conversation; its id."""
        response = await self.call("POST", "", on=on)
        assert response.status_code == 201, response.text
        conversation_id: str = response.json()["id"]
        self.ledger.owners[conversation_id] = self.user_id
        return conversation_id

    async def open(self, conversation_id: str, *, on: str) -> list[dict[str, object]]:
        """Returns the messages that are shown."""
        response = await self.call("GET", f"/{conversation_id}", on=on)
        assert response.status_code == 200, response.text
        messages: list[dict[str, object]] = json.loads(response.content, parse_int=whole_number)["messages"]
        return messages

    async def delete(self, conversation_id: str, *, on: str) -> int:
        """Deletes a conversation; the status."""
        # Noted first: a delete whose answer is lost may still take effect.
        self.ledger.deleted.add(conversation_id)
        return (await self.call("DELETE", f"/{conversation_id}", on=on)).status_code

    async def stop(self, conversation_id: str, reply_id: str, *, on: str) -> httpx.Response:
        """Stops a reply."""
        return await self.call("POST", f"/{conversation_id}/messages/{reply_id}/stop", on=on)

    # -- Replies --------------------------------------------------------------------------------------------------

    async def send(
        self,
        conversation_id: str,
        content: str,
        *,
        on: str,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Answer:
        """Sends a message, with further fields of the body. The same content and key again are the same message."""
        sent = self.note(conversation_id, content, key)
        keyed = {} if key is None else {"idempotency-key": key}
        body = {"content": content, **fields}
        try:
            answer = await self._post(
                f"/{conversation_id}/messages", on=on, body=body, headers={**keyed, **(headers or {})}
            )
        except httpx.TransportError:
            sent.told(Outcome.INFO)
            raise
        if answer.status in {200, 202}:
            sent.told(Outcome.OK, answer.reply_id)
        else:
            sent.told(Outcome.FAIL if answer.status in _REFUSALS else Outcome.INFO)
        return answer

    async def send_async(self, conversation_id: str, content: str, *, on: str, key: str | None = None) -> str:
        """Sends a message without waiting for the reply; the reply's id."""
        answer = await self.send(conversation_id, content, on=on, key=key, headers={"prefer": "respond-async"})
        assert answer.status == 202, answer.response.text
        return answer.reply_id

    async def regenerate(
        self, conversation_id: str, *, on: str, headers: Mapping[str, str] | None = None, **fields: object
    ) -> Answer:
        """Asks for another reply to the last message, with further fields of the body."""
        return await self._post(f"/{conversation_id}/regenerate", on=on, body=fields, headers=headers or {})

    async def go_on(
        self, message: Mapping[str, object], *, on: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Asks for the rest of a reply, of which the caller has what a document of the reply shows."""
        path = f"/{message['conversation_id']}/messages/{message['id']}/continue"
        answer = await self._post(path, on=on, body={}, headers=headers or {})
        if answer.reading is not None:
            answer.reading.show(message)
            answer.reading.generation += 1
        return answer

    def note(self, conversation_id: str, content: str, key: str | None = None) -> Sent:
        """Returns the history's entry of a message that is about to be sent, whether again or for the first time."""
        for sent in self.ledger.sent:
            known = (sent.user_id, sent.conversation_id, sent.content, sent.key)
            if known == (self.user_id, conversation_id, content, key):
                return sent
        sent = Sent(self.user_id, conversation_id, content, key)
        self.ledger.sent.append(sent)
        return sent

    async def _post(self, path: str, *, on: str, body: object, headers: Mapping[str, str]) -> Answer:
        request = self._http.build_request(
            "POST", on + self.root + path, json=body, headers={**self.authorization, **headers}
        )
        response = await self._http.send(request, stream=True)
        if response.status_code != 200:
            await response.aread()
            return Answer(response)
        assert response.headers["content-type"].startswith("text/event-stream")
        conversation_id = path.split("/")[1]
        reading = self._reading(conversation_id, reply_of(response.headers["content-location"]))
        return Answer(response, reading)

    def _reading(self, conversation_id: str, reply_id: str) -> Reading:
        reading = Reading(self.user_id, conversation_id, reply_id)
        self.ledger.readings.append(reading)
        return reading

    def follow(self, conversation_id: str, reply_id: str) -> "Follower":
        """Returns a new reader of a reply, that has nothing yet."""
        return Follower(self, self._reading(conversation_id, reply_id))

    def shown(self, message: Mapping[str, object]) -> "Follower":
        """Returns a new reader of a reply, that has what a document of the reply shows."""
        follower = self.follow(str(message["conversation_id"]), str(message["id"]))
        follower.reading.show(message)
        follower.last_id = follower.reading.place
        return follower

    async def open_stream(self, reading: Reading, *, on: str, headers: Mapping[str, str]) -> httpx.Response:
        """Opens a reply's stream."""
        path = f"{on}{self.root}/{reading.conversation_id}/messages/{reading.reply_id}/stream"
        request = self._http.build_request("GET", path, headers={**self.authorization, **headers})
        return await self._http.send(request, stream=True)


@define(eq=False)
class Follower:
    """Reads a reply as a browser's EventSource does: comes back with the last id until there is nothing more."""

    client: Client
    reading: Reading
    #: What it says it has; None before the first frame.
    last_id: str | None = None
    #: The statuses of all its connections.
    statuses: list[int] = Factory(list)
    #: Whether the reply, or its conversation, is not there any more.
    is_gone: bool = False

    @classmethod
    def after(cls, client: Client, reading: Reading) -> "Follower":
        """Returns a reader that continues where a stream broke off."""
        return cls(client, reading, last_id=reading.place)

    @property
    def text(self) -> str:
        """Returns the text that the reader has put together."""
        return self.reading.text

    @property
    def is_finished(self) -> bool:
        """Returns whether the reader has reached the end of the reply."""
        return self.reading.is_done or self.is_gone

    async def connect(self, *, on: str, at_least: int | None = None) -> None:
        """Reads from one connection until it ends, or until the reader has `at_least` code points."""
        headers = {} if self.last_id is None else {"last-event-id": self.last_id}
        with suppress(httpx.TransportError):
            response = await self.client.open_stream(self.reading, on=on, headers=headers)
            self.statuses.append(response.status_code)
            try:
                await self._read(response, at_least)
            finally:
                await response.aclose()

    async def _read(self, response: httpx.Response, at_least: int | None) -> None:
        match response.status_code:
            case 200:
                async for event in events(response.aiter_raw()):
                    self.reading.take(event)
                    self.last_id = event.place or self.last_id
                    if at_least is not None and len(self.reading.log) >= at_least:
                        return
            case 204:
                # Only of a complete reply: this reader was not told the end before.
                self.reading.is_done = True
            case 404:
                self.is_gone = True
            case status:
                assert status in {429, 503}, f"{status}: {await response.aread()!r}"
