"""A user who does everything twice: with the service, and in the model. Both must take it or refuse it alike."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import httpx
from attrs import Factory, define

from tests.integration.faults.client import Answer, Client, reply_of
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.ledger import Reading
from tests.integration.faults.model import Saying
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.reply_log import Log
from tests.integration.faults.waiting import eventually
from tests.integration.model.delivery import Course, Delivery
from tests.integration.model.reference_chat import END, Message, ReferenceChat, RefusedError

T = TypeVar("T")

#: How long a reply that nothing holds up may take to its end.
_SOON_SECONDS = 10.0


@define(eq=False)
class Participant:
    """One user. `on` is the replica that is asked, by its base URL."""

    client: Client
    cluster: Cluster
    #: What came of everything, for all participants.
    counts: Counter[str]
    chat: ReferenceChat = Factory(ReferenceChat)
    #: The calls of the inference service that pause, by the reply they are for.
    _pausing: dict[str, Saying] = Factory(dict)

    # -- Conversations --------------------------------------------------------------------------------------------

    async def create(self, title: str | None, *, on: str) -> str:
        """Creates a conversation; returns its id."""
        body = {} if title is None else {"title": title}
        response = await self.client.call("POST", "", on=on, body=body)
        assert response.status_code == 201, response.text
        conversation_id: str = response.json()["id"]
        self.client.ledger.owners[conversation_id] = self.client.user_id
        self.chat.create(conversation_id, title)
        return conversation_id

    async def rename(self, conversation_id: str, title: str, *, on: str) -> None:
        """Renames a conversation."""
        response = await self.client.call("PUT", f"/{conversation_id}", on=on, body={"title": title})
        self._agree(response, 200, partial(self.chat.rename, conversation_id, title))

    async def create_again(self, conversation_id: str, *, on: str) -> None:
        """Asks for a conversation with an id that is taken."""
        conversation = self.chat.conversations.get(conversation_id)
        if conversation is None:
            return  # It was deleted, so its id is free.
        response = await self.client.call("POST", "", on=on, body={"id": conversation_id, "title": "Another"})
        assert response.status_code == 200, response.text
        assert (response.json()["id"], response.json()["title"]) == (conversation.id, conversation.title)

    async def archive(self, conversation_id: str, *, is_archived: bool, on: str) -> None:
        """Moves a conversation to the archive, or out of it."""
        response = await self.client.call("PATCH", f"/{conversation_id}", on=on, body={"is_archived": is_archived})
        self._agree(response, 200, partial(self.chat.archive, conversation_id, is_archived=is_archived))

    async def fork(self, conversation_id: str, message_id: str | None, *, on: str) -> str | None:
        """Forks a conversation at a message, by default at the head; returns the id of the fork."""
        body = {} if message_id is None else {"message_id": message_id}
        response = await self.client.call("POST", f"/{conversation_id}/fork", on=on, body=body)
        path = self._agree(response, 201, partial(self.chat.check_fork, conversation_id, message_id))
        if path is None:
            return None
        fork_id: str = response.json()["id"]
        self.client.ledger.owners[fork_id] = self.client.user_id
        shown = (await self.client.call("GET", f"/{fork_id}", on=on)).json()["messages"]
        copies: list[Message] = []
        for message, copy in zip(path, shown, strict=True):
            parent = copies[-1] if copies else None
            copies.append(Message(copy["id"], message.role, message.content, parent, message.status))
        self.chat.fork(conversation_id, fork_id, copies)
        self.counts["forked"] += 1
        return fork_id

    async def delete(self, conversation_id: str, *, on: str) -> None:
        """Deletes a conversation; its running reply is given up."""
        if conversation_id in self.chat.conversations:
            self.client.ledger.deleted.add(conversation_id)
        response = await self.client.call("DELETE", f"/{conversation_id}", on=on)
        deleted = self._agree(response, 204, partial(self.chat.delete, conversation_id))
        for message in deleted.messages if deleted else ():
            if message.role == "assistant":
                # Copies of the question may remain.
                self.client.ledger.deleted_replies[message.prompt] += 1
        if deleted is not None and deleted.running is not None:
            self.counts["deleted while it is made"] += 1
            await self._pausing.pop(deleted.running.id).over(_SOON_SECONDS)

    # -- Trees ----------------------------------------------------------------------------------------------------

    async def choose(self, conversation_id: str, message_id: str, *, follow: bool, on: str) -> None:
        """Shows the path through a message."""
        body = {"head_id": message_id, "follow": follow}
        response = await self.client.call("PATCH", f"/{conversation_id}", on=on, body=body)
        self._agree(response, 200, partial(self.chat.choose, conversation_id, message_id, follow=follow))

    async def delete_message(self, conversation_id: str, message_id: str, *, on: str) -> None:
        """Deletes a message with all messages below it."""
        response = await self.client.call("DELETE", f"/{conversation_id}/messages/{message_id}", on=on)
        deleted = self._agree(response, 204, partial(self.chat.delete_message, conversation_id, message_id))
        if deleted is not None:
            self.counts["deleted messages"] += len(deleted)
            for message in deleted:
                if message.role == "user":
                    self.client.ledger.forget_message(conversation_id, message.content)
                else:
                    self.client.ledger.forget_reply(message.id, message.prompt)

    # -- Turns ----------------------------------------------------------------------------------------------------

    async def send(
        self,
        conversation_id: str,
        content: str,
        delivery: Delivery,
        *,
        on: str,
        key: str | None,
        waits: bool,
        after: str | None = END,
    ) -> Message | None:
        """Sends a message, and waits for the reply as far as it comes; the reply, None where it is refused.

        Args:
            conversation_id: where to.
            content: what is said.
            delivery: what becomes of the reply.
            on: the replica.
            key: the idempotency key.
            waits: whether the reply is read from the response; otherwise it is followed afterwards.
            after: the message that the new one follows, None for the root.
        """
        calls = len(self.cluster.model.calls(content))
        foreseen = _foreseen(partial(self.chat.check_send, conversation_id, content, key, after))
        if foreseen is None:
            self.cluster.model.arrange(content, delivery.speech(content))
        headers = {} if waits else {"prefer": "respond-async"}
        placed = {} if after == END else {"parent_id": after}
        async with await self.client.send(
            conversation_id, content, on=on, key=key, headers=headers, **placed
        ) as answer:
            if isinstance(foreseen, RefusedError):
                self._expect_refusal(answer.response, foreseen)
                return None
            assert answer.status == (200 if waits else 202), answer.response.text
            if foreseen is not None:
                self.counts["repeated by key"] += 1
                await self._hear_again(conversation_id, foreseen, answer, on=on)
                return foreseen
            question = Message(await self._asked(conversation_id, answer.reply_id, on=on), "user", content, None)
            reply = Message(answer.reply_id, "assistant", "", question, delivery=delivery)
            self.chat.send(conversation_id, question, reply, key, after)
            if after != END:
                self.counts["sent to a place"] += 1
            await self._hear(conversation_id, reply, answer, calls, on=on)
            return reply

    async def regenerate(
        self, conversation_id: str, delivery: Delivery, *, on: str, waits: bool, message_id: str | None = None
    ) -> Message | None:
        """Has a reply made anew, by default the last one, likewise."""
        question = _foreseen(partial(self.chat.check_regenerate, conversation_id, message_id))
        calls = 0
        if isinstance(question, Message):
            calls = len(self.cluster.model.calls(question.content))
            self.cluster.model.arrange(question.content, delivery.speech(question.content))
        headers = {} if waits else {"prefer": "respond-async"}
        named = {} if message_id is None else {"message_id": message_id}
        async with await self.client.regenerate(conversation_id, on=on, headers=headers, **named) as answer:
            if isinstance(question, RefusedError):
                self._expect_refusal(answer.response, question)
                return None
            assert answer.status == (200 if waits else 202), answer.response.text
            reply = Message(answer.reply_id, "assistant", "", question, delivery=delivery)
            self.chat.regenerate(conversation_id, reply)
            await self._hear(conversation_id, reply, answer, calls, on=on)
            return reply

    async def _asked(self, conversation_id: str, reply_id: str, *, on: str) -> str:
        """Returns the id of the message that a reply answers."""
        response = await self.client.call("GET", f"/{conversation_id}?branches=all", on=on)
        parents = {message["id"]: message["parent_id"] for message in response.json()["messages"]}
        asked: str = parents[reply_id]
        return asked

    # -- Replies --------------------------------------------------------------------------------------------------

    async def _hear(self, conversation_id: str, reply: Message, answer: Answer, calls: int, *, on: str) -> None:
        """Reads a reply from its beginning, as far as it comes."""
        assert reply.delivery is not None
        so_far = reply.text_so_far
        if reply.delivery.course is Course.PAUSES:
            self._pausing[reply.id] = await self._pause(reply.prompt, calls)
            if so_far:
                reading = await self._read(conversation_id, reply, answer, at_least=len(so_far), on=on)
                assert reading.text == so_far
            return
        reading = await self._read(conversation_id, reply, answer, at_least=None, on=on)
        self.chat.run_its_course(conversation_id, reply)
        self.counts[reply.status] += 1
        _expect_end(reading, reply)
        if answer.reading is not None and reply.status == "complete":
            assert bytes(reading.raw) == reply.delivery.speech(reply.prompt).raw

    async def _hear_again(self, conversation_id: str, reply: Message, answer: Answer, *, on: str) -> None:
        """Reads a reply that was begun before, as far as it has come."""
        assert answer.reply_id == reply.id
        so_far = reply.text_so_far
        if reply.status != "streaming":
            _expect_end(await self._read(conversation_id, reply, answer, at_least=None, on=on), reply)
        elif so_far:
            assert (await self._read(conversation_id, reply, answer, at_least=len(so_far), on=on)).text == so_far

    async def _read(
        self, conversation_id: str, reply: Message, answer: Answer, *, at_least: int | None, on: str
    ) -> Reading:
        if answer.reading is not None:
            return await answer.read(at_least=at_least)
        follower = self.client.follow(conversation_id, reply.id)
        await follower.connect(on=on, at_least=at_least)
        return follower.reading

    async def _pause(self, prompt: str, calls: int) -> Saying:
        """Waits until the call after so many earlier ones pauses, and returns it."""

        def pauses() -> bool:
            return len(self.cluster.model.calls(prompt)) > calls and self.cluster.model.calls(prompt)[-1].is_holding

        await eventually(pauses, within=_SOON_SECONDS, what="the model holding its breath")
        return self.cluster.model.calls(prompt)[-1]

    async def go_on(self, conversation_id: str, reply_id: str) -> None:
        """Lets a reply that pauses end."""
        saying = self._pausing.pop(reply_id, None)
        if saying is None:
            return
        reply = self.chat.find_reply(conversation_id, reply_id)
        saying.release()
        follower = await read_to_the_end(self.client.follow(conversation_id, reply_id), self.cluster.urls)
        self.chat.resume(conversation_id, reply)
        self.counts["went on"] += 1
        _expect_end(follower.reading, reply)

    async def stop(self, conversation_id: str, reply_id: str, *, on: str) -> None:
        """Stops the reply."""
        response = await self.client.stop(conversation_id, reply_id, on=on)
        reply = self._agree(response, 200, partial(self.chat.find_reply, conversation_id, reply_id))
        if reply is not None:
            self.chat.stop(conversation_id, reply)
            self.counts["stopped" if self._pausing.pop(reply_id, None) else "stopped after its end"] += 1
            shown = response.json()
            assert (shown["status"], shown["content"]) == (reply.status, reply.content)

    async def resume(self, conversation_id: str, reply_id: str, offset: int | None, *, on: str) -> None:
        """Reads a reply from any place on, as far as it has come; `offset` may be beyond its end."""
        try:
            reply = self.chat.find_reply(conversation_id, reply_id)
        except RefusedError as refused:
            path = f"/{conversation_id}/messages/{reply_id}/stream"
            self._expect_refusal(await self.client.call("GET", path, on=on), refused)
            return
        text = reply.text_so_far
        is_streaming = reply.status == "streaming"
        if is_streaming and len(text) <= (offset or 0):
            return  # There is nothing to be read before it goes on.
        follower = self.client.follow(conversation_id, reply_id)
        follower.last_id = None if offset is None else str(offset)
        follower.reading.log = Log.of([text[: offset or 0].ljust(offset or 0, "?")])
        await follower.connect(on=on, at_least=len(text) if is_streaming else None)
        assert follower.text == text
        self.counts["resumed while it is made" if is_streaming else "resumed after its end"] += 1
        if not is_streaming:
            has_everything = offset == len(text) and reply.status == "complete"
            assert follower.statuses == [204 if has_everything else 200]
            assert follower.reading.rewinds == ([len(text)] if offset is not None and offset > len(text) else [])
            _expect_end(follower.reading, reply)

    async def let_all_end(self) -> None:
        """Lets every reply that pauses end."""
        for conversation in self.chat.conversations.values():
            if conversation.running is not None:
                await self.go_on(conversation.id, conversation.running.id)

    # -- Comparing ------------------------------------------------------------------------------------------------

    def _agree(self, response: httpx.Response, status: int, act: Callable[[], T]) -> T | None:
        """Does in the model what the service was asked; None where both refuse it."""
        try:
            result = act()
        except RefusedError as refused:
            self._expect_refusal(response, refused)
            return None
        assert response.status_code == status, response.text
        return result

    def _expect_refusal(self, response: httpx.Response, refused: RefusedError) -> None:
        assert response.status_code == refused.status, response.text
        self.counts[f"refused: {refused.status}"] += 1
        if refused.reply is not None:
            assert reply_of(response.headers["location"]) == refused.reply.id


def _foreseen(check: Callable[[], T]) -> T | RefusedError:
    """Returns what the model says of a request, before the service is asked: a result, or a refusal."""
    try:
        return check()
    except RefusedError as refused:
        return refused


def _expect_end(reading: Reading, reply: Message) -> None:
    assert reading.is_done
    assert reading.text == reply.content
    # Who is told that there is nothing more is not told why.
    assert reading.error == reply.error
