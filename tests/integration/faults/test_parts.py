"""Reasoning and data of a reply over real sockets: what is stored, what is only relayed, and what is never taken."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from chatcore.conversations.parts import MAX_DATA_BYTES, MAX_DATA_PARTS
from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.event_stream import events
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Speech

pytestmark = pytest.mark.asyncio(loop_scope="module")

Part = dict[str, object]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Two replicas."""
    url, folder = await fresh_database(crash_server), tmp_path_factory.mktemp("cluster")
    async with Cluster(url, folder, size=2) as cluster:
        yield cluster


def frame(data: str) -> bytes:
    """Returns an event of the model."""
    return f"data: {data}\n\n".encode()


class Reply:
    """A finished reply, as each way to read it shows it."""

    def __init__(self, posted: bytes, message: dict[str, object], streams: Sequence[list[tuple[int, Part]]]) -> None:
        self.posted = posted
        self.message = message
        self.streams = streams

    @property
    def parts(self) -> list[Part]:
        """Returns the parts that the conversation shows."""
        parts: list[Part] = self.message.get("parts") or [{"type": "text", "text": self.message["content"]}]  # type: ignore[assignment]  # as documented
        return parts


async def reply_of(cluster: Cluster, user: Client, *frames: bytes) -> Reply:
    """Has the model send frames, and reads the reply in every way, on both replicas."""
    here, there = cluster.urls
    conversation, prompt = await user.create(on=here), user.prompt()
    cluster.model.arrange(prompt, Speech(tokens=(), frames=frames))
    answer = await user.send(conversation, prompt, on=here)
    posted = b"".join([data async for data in answer.response.aiter_raw()])
    (_, message) = await user.open(conversation, on=there)
    reading = user.follow(conversation, answer.reply_id).reading
    streams = []
    for on in (here, there):
        response = await user.open_stream(reading, on=on, headers={})
        streams.append([(event.id or 0, event.data or {}) async for event in events(response.aiter_raw())])
        await response.aclose()
    return Reply(posted, message, streams)


def as_parts(stream: Sequence[tuple[int, Part]]) -> list[Part]:
    """Joins the frames of a stream to parts."""
    parts: list[Part] = []
    for _, data in stream[:-1]:
        kind = next((name for key, name in (("token", "text"), ("reasoning", "reasoning")) if key in data), "data")
        if kind == "data":
            parts.append({"type": "data", "data": data})
        elif parts and parts[-1]["type"] == kind:
            parts[-1]["text"] += next(iter(data.values()))  # type: ignore[operator]  # both are texts
        else:
            parts.append({"type": kind, "text": next(iter(data.values()))})
    return parts


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user("thinker")


async def test_every_way_to_read_a_reply_shows_the_same_parts(cluster: Cluster, user: Client) -> None:
    frames = [
        frame('{"reasoning":"Hm 👩‍🚀 "}'),
        frame('{"reasoning":"so","gpu":1}'),
        frame('{"token":"Hel","gpu":0}'),
        frame('{"call": {"name" : "a b",\ndata:  "x": 1e400, "y":"\\u0000\\ud800"}}'),
        frame('{"token":"lo"}'),
        frame('"no object"'),
        frame('{"reasoning":"done?"}'),
        frame('{"cited":[1.50, 12345678901234567890123]}'),
    ]

    reply = await reply_of(cluster, user, *frames)

    assert reply.posted.startswith(b"".join(frames))
    assert reply.message["content"] == "Hello"
    assert [part["type"] for part in reply.parts] == ["reasoning", "text", "data", "text", "reasoning", "data"]
    assert reply.parts[0]["text"] == "Hm 👩‍🚀 so"
    assert reply.parts[-1]["data"] == {"cited": [1.5, 12345678901234567890123]}
    for stream in reply.streams:
        assert as_parts(stream) == reply.parts
        assert str(stream[-1][0]) == reply.message["stream_id"]


@pytest.mark.parametrize("beyond", [0, 1])
async def test_data_is_stored_up_to_256_kibibytes(cluster: Cluster, user: Client, beyond: int) -> None:
    first = '{"a":"' + "é" * 1000 + '"}'
    size = MAX_DATA_BYTES - len(first.encode()) - len('{"b":""}') + beyond
    frames = [frame(first), frame('{"b":"' + "y" * size + '"}'), frame('{"token":"Hello"}')]

    reply = await reply_of(cluster, user, *frames)

    assert reply.posted.startswith(b"".join(frames))
    assert reply.message["content"] == "Hello"
    kinds = ["data", "text"] if beyond else ["data", "data", "text"]
    assert [part["type"] for part in reply.parts] == kinds
    assert all(as_parts(stream) == reply.parts for stream in reply.streams)


async def test_a_thousand_data_parts_are_stored(cluster: Cluster, user: Client) -> None:
    frames = [frame(f'{{"n":{number}}}') for number in range(MAX_DATA_PARTS + 1)]

    reply = await reply_of(cluster, user, *frames, frame('{"token":"Hello"}'))

    assert reply.posted.startswith(b"".join(frames))
    assert [part.get("data") for part in reply.parts] == [*({"n": n} for n in range(MAX_DATA_PARTS)), None]
    assert all(as_parts(stream) == reply.parts for stream in reply.streams)


@pytest.mark.parametrize(
    "forged",
    [
        '{"rewind":0,"x":1}',
        '{"\\u0072ewind":0}',
        '{"rewind":0,"rewind":1}',
        '{"done":false,"x":1}',
        '{"done":"true"}',
        '{"token":7}',
        '{"token":null,"rewind":0}',
        '{"reasoning":{"x":1}}',
        '{"error":null,"x":1}',
        '["rewind"]',
        "7",
        "no JSON",
    ],
)
async def test_what_could_be_taken_for_a_frame_of_ours_is_relayed_and_never_stored(
    cluster: Cluster, user: Client, forged: str
) -> None:
    reply = await reply_of(cluster, user, frame('{"token":"Hel"}'), frame(forged), frame('{"token":"lo"}'))

    assert frame(forged) in reply.posted
    assert (reply.message["content"], "parts" in reply.message) == ("Hello", False)
    for stream in reply.streams:
        assert [data for _, data in stream] == [{"token": "Hello"}, {"done": True}]


@pytest.mark.parametrize(
    ("frames", "content"),
    [(['{"reasoning":"only"}'], ""), (['{"token":" \\n"}'], " \n"), (['{"x":1}'], ""), ([], "")],
    ids=["reasoning", "white space", "data", "nothing"],
)
async def test_a_reply_with_little_to_see_is_complete(
    cluster: Cluster, user: Client, frames: list[str], content: str
) -> None:
    reply = await reply_of(cluster, user, *map(frame, frames))

    assert (reply.message["status"], reply.message["content"]) == ("complete", content)
    assert [[json.dumps(data) for _, data in stream[:-1]] for stream in reply.streams] == [
        [json.dumps(json.loads(data)) for data in frames]
    ] * 2
