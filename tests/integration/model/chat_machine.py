"""What two users may do, in any order and on either replica, as hypothesis puts it together."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from tests.integration.faults.cluster import Cluster
from tests.integration.model.arguments import (
    WHOLE,
    Branching,
    Change,
    Deed,
    Place,
    Reply,
    Sent,
    TreeChange,
    Way,
    deliveries,
    ends,
    numbers,
    offsets,
    pauses,
    titles,
    ways,
)
from tests.integration.model.comparison import News, compare
from tests.integration.model.delivery import Delivery
from tests.integration.model.loop_thread import LoopThread
from tests.integration.model.participant import Participant
from tests.integration.model.reference_chat import MAX_GENERATIONS, Message


class ChatMachine(RuleBasedStateMachine):
    """One example: two users whom nobody has seen before, and what they do."""

    conversations = Bundle("conversations")
    #: Those that were deleted.
    gone = Bundle("gone")
    replies = Bundle("replies")
    #: Those of the replies that pause, unless they were ended or deleted meanwhile.
    pausing = Bundle("pausing")
    keyed = Bundle("keyed")

    def __init__(self, cluster: Cluster, loop: LoopThread, counts: Counter[str]) -> None:
        super().__init__()
        self._cluster = cluster
        self._loop = loop
        self._users = [Participant(cluster.user(uuid4().hex[:8]), cluster, counts) for _ in range(2)]
        self._news = News()
        self._checks = 0
        self._alike: set[Place] = set()

    def _url(self, way: Way) -> str:
        return self._cluster.urls[way.replica]

    # -- Conversations --------------------------------------------------------------------------------------------

    @initialize(target=conversations)
    def begin(self) -> Any:  # noqa: ANN401 - hypothesis' own
        return multiple(*(self._create(owner, None, self._cluster.urls[0]) for owner in (0, 0, 0, 1)))

    @rule(target=conversations, owner=st.integers(0, 1), title=st.none() | titles, way=ways)
    def create(self, owner: int, title: str | None, way: Way) -> Place:
        return self._create(owner, title, self._url(way))

    def _create(self, owner: int, title: str | None, url: str) -> Place:
        return Place(owner, self._loop.run(self._users[owner].create(title, on=url)))

    @rule(place=conversations, title=titles, way=ways)
    def rename(self, place: Place, title: str, way: Way) -> None:
        self._loop.run(self._users[place.owner].rename(place.id, title, on=self._url(way)))

    @rule(target=conversations, place=conversations, change=st.sampled_from(Change), end=ends, way=ways)
    def rearrange(self, place: Place, change: Change, end: int | None, way: Way) -> Any:  # noqa: ANN401 - hypothesis' own
        user, url = self._users[place.owner], self._url(way)
        match change:
            case Change.CREATE_AGAIN:
                self._loop.run(user.create_again(place.id, on=url))
            case Change.ARCHIVE | Change.RESTORE:
                self._loop.run(user.archive(place.id, is_archived=change is Change.ARCHIVE, on=url))
            case Change.FORK:
                last = None if end is None else self._message(place, end)
                fork_id = self._loop.run(user.fork(place.id, None if last is None else last.id, on=url))
                if fork_id is not None:
                    fork = Place(place.owner, fork_id)
                    self._alike |= {place, fork}
                    return fork
        return multiple()

    @rule(target=gone, place=consumes(conversations), way=ways)
    def delete(self, place: Place, way: Way) -> Place:
        self._loop.run(self._users[place.owner].delete(place.id, on=self._url(way)))
        return place

    @rule(target=gone, reply=consumes(pausing), way=ways)
    def delete_with_a_reply_that_pauses(self, reply: Reply, way: Way) -> Place:
        self._loop.run(self._users[reply.place.owner].delete(reply.place.id, on=self._url(way)))
        return reply.place

    # -- Turns ----------------------------------------------------------------------------------------------------

    @rule(target=replies, place=conversations, delivery=deliveries, way=ways)
    def send(self, place: Place, delivery: Delivery, way: Way) -> Any:  # noqa: ANN401 - hypothesis' own
        return self._send(place, delivery, way)

    @rule(targets=(replies, pausing), place=conversations, delivery=pauses, way=ways)
    def send_for_a_reply_that_pauses(self, place: Place, delivery: Delivery, way: Way) -> Any:  # noqa: ANN401 - as above
        return self._send(place, delivery, way)

    def _send(self, place: Place, delivery: Delivery, way: Way) -> Any:  # noqa: ANN401 - as above
        user = self._users[place.owner]
        prompt = user.client.prompt()
        return self._begun(place, user.send(place.id, prompt, delivery, on=self._url(way), key=None, waits=way.waits))

    @rule(targets=(replies, pausing), owner=st.integers(0, 1), delivery=pauses, way=ways)
    def send_more_than_may_be_made_at_once(self, owner: int, delivery: Delivery, way: Way) -> Any:  # noqa: ANN401 - as above
        places = [self._create(owner, None, self._url(way)) for _ in range(MAX_GENERATIONS + 1)]
        # Where it is refused, what comes back is empty.
        begun = [self._send(place, delivery, way) for place in places]
        return multiple(*(reply for reply in begun if isinstance(reply, Reply)))

    @rule(target=replies, place=conversations, delivery=deliveries, way=ways)
    def regenerate(self, place: Place, delivery: Delivery, way: Way) -> Any:  # noqa: ANN401 - as above
        return self._regenerate(place, delivery, way)

    @rule(targets=(replies, pausing), place=conversations, delivery=pauses, way=ways)
    def regenerate_a_reply_that_pauses(self, place: Place, delivery: Delivery, way: Way) -> Any:  # noqa: ANN401 - as above
        return self._regenerate(place, delivery, way)

    def _regenerate(self, place: Place, delivery: Delivery, way: Way) -> Any:  # noqa: ANN401 - as above
        user = self._users[place.owner]
        return self._begun(place, user.regenerate(place.id, delivery, on=self._url(way), waits=way.waits))

    def _begun(self, place: Place, work: Coroutine[Any, Any, Message | None]) -> Any:  # noqa: ANN401 - as above
        reply = self._loop.run(work)
        return multiple() if reply is None else Reply(place, reply.id)

    # -- Trees ----------------------------------------------------------------------------------------------------

    @rule(target=replies, place=conversations, number=numbers, reply=replies, how=st.sampled_from(Branching), way=ways)
    def branch(self, place: Place, number: int, reply: Reply, how: Branching, way: Way) -> Any:  # noqa: ANN401 - as above
        user, on, waits = self._users[place.owner], self._url(way), way.waits
        message = self._message(place, number)
        if how is Branching.VERSION:
            id_ = _id_of(message)
            return self._begun(place, user.regenerate(place.id, WHOLE, on=on, waits=waits, message_id=id_))
        after = reply.id if how is Branching.AFTER_ANY else _parent_id_of(message)
        prompt = user.client.prompt()
        return self._begun(place, user.send(place.id, prompt, WHOLE, on=on, key=None, waits=waits, after=after))

    @rule(place=conversations, number=numbers, reply=replies, deed=st.sampled_from(TreeChange), way=ways)
    def change_tree(self, place: Place, number: int, reply: Reply, deed: TreeChange, way: Way) -> None:
        user, on = self._users[place.owner], self._url(way)
        id_ = _id_of(self._message(place, number))
        deeds: dict[TreeChange, Callable[[], Coroutine[Any, Any, object]]] = {
            TreeChange.CHOOSE: lambda: user.choose(place.id, id_, follow=False, on=on),
            TreeChange.FOLLOW: lambda: user.choose(place.id, id_, follow=True, on=on),
            TreeChange.CHOOSE_ANY: lambda: user.choose(place.id, reply.id, follow=True, on=on),
            TreeChange.DELETE: lambda: user.delete_message(place.id, id_, on=on),
        }
        self._loop.run(deeds[deed]())

    def _message(self, place: Place, number: int) -> Message | None:
        """Returns one of the messages of all branches, None where there are none."""
        conversation = self._users[place.owner].chat.conversations.get(place.id)
        if conversation is None or not conversation.messages:
            return None
        return conversation.messages[number % len(conversation.messages)]

    # -- Turns with a key -----------------------------------------------------------------------------------------

    @rule(target=keyed, place=conversations, delivery=deliveries, way=ways, again=ways, is_misused=st.booleans())
    def send_with_key_twice(self, place: Place, delivery: Delivery, way: Way, again: Way, *, is_misused: bool) -> Sent:
        sent = Sent(place, self._users[place.owner].client.prompt(), uuid4().hex)
        self._loop.run(self._send_keyed(sent, delivery, way))
        self._loop.run(self._send_keyed(sent, delivery, again))
        if is_misused:
            self._misuse(sent, place, delivery, way)
        return sent

    @rule(targets=(replies, pausing), place=conversations, delivery=pauses, way=ways, again=ways)
    def send_with_key_twice_for_a_reply_that_pauses(
        self, place: Place, delivery: Delivery, way: Way, again: Way
    ) -> Any:  # noqa: ANN401 - as above
        sent = Sent(place, self._users[place.owner].client.prompt(), uuid4().hex)
        self._loop.run(self._send_keyed(sent, delivery, way))
        return self._begun(place, self._send_keyed(sent, delivery, again))

    @rule(sent=keyed, delivery=deliveries, way=ways)
    def repeat(self, sent: Sent, delivery: Delivery, way: Way) -> None:
        self._loop.run(self._send_keyed(sent, delivery, way))

    @rule(sent=keyed, place=conversations, delivery=deliveries, way=ways)
    def misuse_a_key(self, sent: Sent, place: Place, delivery: Delivery, way: Way) -> None:
        self._misuse(sent, place, delivery, way)

    def _misuse(self, sent: Sent, place: Place, delivery: Delivery, way: Way) -> None:
        content = self._users[place.owner].client.prompt()
        self._loop.run(self._send_keyed(Sent(place, content, sent.key), delivery, way))

    def _send_keyed(self, sent: Sent, delivery: Delivery, way: Way) -> Coroutine[Any, Any, Message | None]:
        user = self._users[sent.place.owner]
        return user.send(sent.place.id, sent.content, delivery, on=self._url(way), key=sent.key, waits=way.waits)

    # -- Replies --------------------------------------------------------------------------------------------------

    @rule(reply=consumes(pausing), way=ways)
    def stop(self, reply: Reply, way: Way) -> None:
        self._loop.run(self._users[reply.place.owner].stop(reply.place.id, reply.id, on=self._url(way)))

    @rule(reply=consumes(pausing))
    def go_on(self, reply: Reply) -> None:
        self._loop.run(self._users[reply.place.owner].go_on(reply.place.id, reply.id))

    @rule(reply=replies, way=ways)
    def stop_any(self, reply: Reply, way: Way) -> None:
        self._loop.run(self._users[reply.place.owner].stop(reply.place.id, reply.id, on=self._url(way)))

    @rule(reply=replies, offset=offsets, way=ways)
    def resume(self, reply: Reply, offset: int | None, way: Way) -> None:
        self._loop.run(self._users[reply.place.owner].resume(reply.place.id, reply.id, offset, on=self._url(way)))

    @rule(reply=pausing, offset=offsets, way=ways)
    def resume_one_that_pauses(self, reply: Reply, offset: int | None, way: Way) -> None:
        self._loop.run(self._users[reply.place.owner].resume(reply.place.id, reply.id, offset, on=self._url(way)))

    # -- In vain --------------------------------------------------------------------------------------------------

    @rule(reply=replies, deed=st.sampled_from(Deed), way=ways)
    def try_as_a_stranger(self, reply: Reply, deed: Deed, way: Way) -> None:
        self._try(self._users[1 - reply.place.owner], reply, deed, way)

    @rule(place=gone, deed=st.sampled_from(Deed), way=ways)
    def try_with_what_is_gone(self, place: Place, deed: Deed, way: Way) -> None:
        self._try(self._users[place.owner], Reply(place, str(uuid4())), deed, way)

    def _try(self, user: Participant, reply: Reply, deed: Deed, way: Way) -> None:
        place, url = reply.place, self._url(way)
        deeds: dict[Deed, Callable[[], Coroutine[Any, Any, object]]] = {
            Deed.RENAME: lambda: user.rename(place.id, "Mine", on=url),
            Deed.CHOOSE: lambda: user.choose(place.id, reply.id, follow=False, on=url),
            Deed.DELETE_MESSAGE: lambda: user.delete_message(place.id, reply.id, on=url),
            Deed.DELETE: lambda: user.delete(place.id, on=url),
            Deed.SEND: lambda: user.send(place.id, user.client.prompt(), WHOLE, on=url, key=None, waits=way.waits),
            Deed.REGENERATE: lambda: user.regenerate(place.id, WHOLE, on=url, waits=way.waits),
            Deed.STOP: lambda: user.stop(place.id, reply.id, on=url),
            Deed.RESUME: lambda: user.resume(place.id, reply.id, None, on=url),
        }
        self._loop.run(deeds[deed]())

    # -- What must hold -------------------------------------------------------------------------------------------

    @invariant()
    def one_replica_after_the_other_shows_what_the_model_says(self) -> None:
        self._checks += 1
        self._loop.run(self._compare_news(self._cluster.urls[self._checks % 2]))

    async def _compare_news(self, url: str) -> None:
        for user in self._users:
            await self._news.compare(user, on=url)

    def teardown(self) -> None:
        """Lets every reply end, and checks that both replicas show all of it."""
        for user in self._users:
            self._loop.run(user.let_all_end())
        self._loop.run(self._compare_all())
        # The oracle takes every message to have been sent, and each to have its own text. So it sees no copies, and no
        # originals, whose replies to the same text may have been made for either.
        for place in self._alike:
            if place.id in self._users[place.owner].chat.conversations:
                self._loop.run(self._users[place.owner].delete(place.id, on=self._cluster.urls[0]))

    async def _compare_all(self) -> None:
        await asyncio.gather(*(compare(user, on=url) for user in self._users for url in self._cluster.urls))


def _id_of(message: Message | None) -> str:
    """Returns the id of a message; where there is none, an id that no message has."""
    return str(uuid4()) if message is None else message.id


def _parent_id_of(message: Message | None) -> str | None:
    return message.parent.id if message is not None and message.parent is not None else None
