"""Branches outlive the replica that makes a reply in them, and what is chosen or deleted meanwhile stays so."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRUCK, LEFT = range(2)
TOKENS, HELD = 20, 5
_ASYNC = {"prefer": "respond-async"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("trees")
    settings = {"INFERENCE_CAN_CONTINUE": "true"}
    async with Cluster(await fresh_database(crash_server), folder, settings=settings) as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="module")
async def user(cluster: Cluster) -> AsyncIterator[Client]:
    await cluster.revive()
    yield cluster.user(uuid4().hex[:8])
    await cluster.check()


async def first_turn(cluster: Cluster, user: Client) -> tuple[str, list[dict[str, object]]]:
    """Returns a conversation with a question and its whole reply, and these two messages."""
    left = cluster.urls[LEFT]
    conversation = await user.create(on=left)
    await (await user.send(conversation, user.prompt(), on=left)).read()
    return conversation, await user.open(conversation, on=left)


async def edit_on_struck(cluster: Cluster, user: Client, conversation: str, key: str) -> tuple[str, str]:
    """Edits the first message on the replica that is to be struck; returns the prompt and the id of the reply."""
    prompt = user.prompt()
    cluster.model.will_say(prompt, TOKENS, hold=HELD)
    answer = await user.send(conversation, prompt, on=cluster.urls[STRUCK], key=key, headers=_ASYNC, parent_id=None)
    assert answer.status == 202, answer.response.text
    await cluster.model.holding(prompt)
    return prompt, answer.reply_id


async def tree(cluster: Cluster, user: Client, conversation: str) -> dict[str, dict[str, Any]]:
    """Returns the messages of all branches by their ids."""
    response = await user.call("GET", f"/{conversation}?branches=all", on=cluster.urls[LEFT])
    assert response.status_code == 200, response.text
    return {message["id"]: message for message in response.json()["messages"]}


async def kill_owner(cluster: Cluster) -> None:
    """Kills the replica whose reply is held, and lets the other one take the reply over at once."""
    cluster.replicas[STRUCK].kill()
    await cluster.let_leases_run_out()


async def test_an_edit_whose_replica_is_killed_is_finished_in_its_branch(cluster: Cluster, user: Client) -> None:
    conversation, (question, answer) = await first_turn(cluster, user)
    key = uuid4().hex
    prompt, reply = await edit_on_struck(cluster, user, conversation, key)

    await kill_owner(cluster)
    repeated = await user.send(conversation, prompt, on=cluster.urls[LEFT], key=key, headers=_ASYNC, parent_id=None)
    follower = user.follow(conversation, reply)
    await read_to_the_end(follower, [cluster.urls[LEFT]], within=30)

    assert (repeated.status, repeated.reply_id) == (202, reply)
    messages = await tree(cluster, user, conversation)
    assert len(messages) == 4
    edited = messages[messages[reply]["parent_id"]]
    assert edited["versions"] == [question["id"], edited["id"]]
    assert (messages[reply]["status"], messages[reply]["content"]) == ("complete", cluster.model.speech(prompt).text)
    assert messages[str(answer["id"])]["content"] == answer["content"]
    assert [message["id"] for message in await user.open(conversation, on=cluster.urls[LEFT])] == [edited["id"], reply]


async def test_the_branch_that_was_chosen_meanwhile_stays_shown(cluster: Cluster, user: Client) -> None:
    conversation, (question, answer) = await first_turn(cluster, user)
    prompt, reply = await edit_on_struck(cluster, user, conversation, uuid4().hex)

    chosen = await user.call(
        "PATCH", f"/{conversation}", on=cluster.urls[LEFT], body={"head_id": question["id"], "follow": True}
    )
    await kill_owner(cluster)
    await read_to_the_end(user.follow(conversation, reply), [cluster.urls[LEFT]], within=30)

    assert (chosen.status_code, chosen.json()["active_reply_id"]) == (200, reply)
    shown = await user.open(conversation, on=cluster.urls[LEFT])
    assert [message["id"] for message in shown] == [question["id"], answer["id"]]
    assert (await tree(cluster, user, conversation))[reply]["content"] == cluster.model.speech(prompt).text


async def test_a_branch_is_deleted_when_its_reply_has_ended_and_not_before(cluster: Cluster, user: Client) -> None:
    conversation, (question, answer) = await first_turn(cluster, user)
    _, reply = await edit_on_struck(cluster, user, conversation, uuid4().hex)
    edited = str((await tree(cluster, user, conversation))[reply]["parent_id"])
    # The oracle expects nothing of what is deleted.
    cluster.ledger.deleted.add(conversation)

    async def delete() -> int:
        path = f"/{conversation}/messages/{edited}"
        return (await user.call("DELETE", path, on=cluster.urls[LEFT])).status_code

    assert await delete() == 409
    await kill_owner(cluster)

    async def is_deleted() -> bool:
        return await delete() == 204

    await eventually(is_deleted, within=30, what="the branch deleted")
    assert await delete() == 404
    assert list(await tree(cluster, user, conversation)) == [question["id"], answer["id"]]
    assert [message["id"] for message in await user.open(conversation, on=cluster.urls[LEFT])] == [
        question["id"],
        answer["id"],
    ]
