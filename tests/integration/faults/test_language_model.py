"""Replies of a real language model outlive the process that makes them, and the model itself.

The model's words cannot be known beforehand, so these tests compare what readers pieced together with what is stored.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.language_model import LanguageModel, needs_language_model

pytestmark = [needs_language_model, pytest.mark.asyncio(loop_scope="function")]

QUESTION = "I need a story about a lighthouse keeper."
TOKENS = 200
#: Enough text that some of it is stored, and far from the end.
SOME_CHARACTERS = 150


@pytest.fixture
async def cluster(
    language_model: LanguageModel, crash_server: EmbeddedPostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    async with _cluster(language_model, await fresh_database(crash_server), tmp_path) as made:
        yield made


def _cluster(model: LanguageModel, database_url: str, folder: Path) -> Cluster:
    return Cluster(
        database_url,
        folder,
        settings={
            "INFERENCE_PROTOCOL": "openai",
            "INFERENCE_SERVICE_URL": model.api,
            "INFERENCE_API_KEY": model.key,
            "OPENAI_CONTINUE": "prefill",
        },
    )


async def _send(user: Client, conversation: str, *, on: str) -> Follower:
    """Sends the question; returns a reader of the reply, which has some of it."""
    answer = await user.send(conversation, QUESTION, on=on, temperature=0, max_tokens=TOKENS)
    await answer.read(at_least=SOME_CHARACTERS)
    return Follower.after(user, answer.stream)


async def test_a_reply_whose_replica_is_killed_is_finished_by_another_one(cluster: Cluster) -> None:
    owner, heir = cluster.replicas
    user = cluster.user("takeover")
    conversation = await user.create(on=heir.base_url)
    reader = await _send(user, conversation, on=owner.base_url)
    shown = reader.text

    owner.kill()
    await cluster.let_leases_run_out()
    await read_to_the_end(reader, [heir.base_url])

    reply = (await user.open(conversation, on=heir.base_url))[-1]
    assert (reply["status"], reply["finish_reason"], reply["token_count"]) == ("complete", "length", TOKENS)
    assert reply["content"] == reader.text
    # The text begins once, not again where the heir went on.
    assert reader.text.count(shown[:50]) == 1
    assert len(reader.text) > len(shown) + SOME_CHARACTERS
    assert await heir.figure("chatcore_resumed_generations_total") == 1


async def test_a_reply_whose_model_is_killed_is_continued_when_it_is_back(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with LanguageModel() as model:
        async with _cluster(model, await fresh_database(crash_server), tmp_path) as cluster:
            url = cluster.urls[0]
            user = cluster.user("model")
            conversation = await user.create(on=url)
            reader = await _send(user, conversation, on=url)

            model.kill()
            await read_to_the_end(reader, [url])

            interrupted = (await user.open(conversation, on=url))[-1]
            assert (interrupted["status"], interrupted["error"]) == ("interrupted", "inference_interrupted")
            assert interrupted["content"] == reader.text
            await asyncio.to_thread(model.start)
            answer = await user.go_on(interrupted, on=url)
            await answer.read()

            continued = (await user.open(conversation, on=url))[-1]
            assert (continued["id"], continued["status"]) == (interrupted["id"], "complete")
            assert continued["content"] == answer.stream.text
            assert answer.stream.text.startswith(reader.text)
            assert len(answer.stream.text) > len(reader.text) + SOME_CHARACTERS
