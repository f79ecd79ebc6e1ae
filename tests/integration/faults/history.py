"""A history check in Jepsen's manner: random clients, random faults, and a judgement on all of it at the end."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import psycopg
from attrs import Factory, define

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.ledger import Outcome
from tests.integration.faults.nemesis import Nemesis
from tests.integration.faults.tcp_proxy import TcpProxy
from tests.integration.faults.visitor import Visitor

_SETTINGS = {"DRAIN_SECONDS": "3", "INFERENCE_CAN_CONTINUE": "true"}
# A reply whose owner froze just before the end must still be recovered.
_HEALING_SECONDS = 90.0


@define(eq=False)
class History:
    """What happened, in figures."""

    seed: int
    counts: Counter[str] = Factory(Counter)

    def __str__(self) -> str:
        width = max(map(len, self.counts), default=0)
        return "\n".join(f"{what:<{width}}  {self.counts[what]:>8,}" for what in sorted(self.counts))


async def make_history(folder: Path, *, seed: int, seconds: float, visitors: int = 20, replicas: int = 3) -> History:
    """Lets clients and faults loose for some seconds, heals, and judges.

    Raises:
        AssertionError: a promise was broken.
    """
    history = History(seed)
    with EmbeddedPostgres() as database:
        async with AsyncExitStack() as stack:
            cluster = await stack.enter_async_context(
                Cluster(await fresh_database(database), folder, size=replicas, settings=_SETTINGS, is_clean=False)
            )
            proxies = [
                await stack.enter_async_context(TcpProxy("127.0.0.1", replica.port)) for replica in cluster.replicas
            ]
            crowd = [_visitor(cluster, proxies, history, number) for number in range(visitors)]
            nemesis = Nemesis(cluster, database, proxies, Random(seed), history.counts)
            await _let_loose(crowd, nemesis, seconds)
            await cluster.check(within=_HEALING_SECONDS)
            await _count(history, cluster)
    return history


def _visitor(cluster: Cluster, proxies: list[TcpProxy], history: History, number: int) -> Visitor:
    # Two to a user, so that they get into each other's way.
    client = cluster.user(f"{history.seed}-{number // 2}")
    random = Random(f"{history.seed} {number}")
    return Visitor(client, cluster, [proxy.base_url for proxy in proxies], random, history.counts)


async def _let_loose(crowd: list[Visitor], nemesis: Nemesis, seconds: float) -> None:
    is_over = asyncio.Event()
    deeds = [asyncio.create_task(visitor.visit(is_over)) for visitor in crowd]
    faults = asyncio.create_task(nemesis.rage(is_over))
    try:
        # Ends early when somebody finds a promise broken.
        await asyncio.wait({*deeds, faults}, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        is_over.set()
        await faults
        await nemesis.heal()
        await asyncio.gather(*deeds)
        await _finish_reading(crowd)
    finally:
        for visitor in crowd:
            visitor.leave()


async def _finish_reading(crowd: list[Visitor]) -> None:
    try:
        async with asyncio.timeout(_HEALING_SECONDS):
            await asyncio.gather(*(visitor.finish_reading() for visitor in crowd))
    except TimeoutError as error:
        raise AssertionError("O5: readers that come to no end") from error


async def _count(history: History, cluster: Cluster) -> None:
    ledger, counts = cluster.ledger, history.counts
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        cursor = await connection.execute(
            "select status, count(*), coalesce(sum(cardinality(cuts)), 0) from messages"
            " where role = 'assistant' group by status"
        )
        for status, replies, cuts in await cursor.fetchall():
            counts[f"replies {status}"] = replies
            counts["continued or taken over"] += cuts
    counts["messages acknowledged"] = sum(sent.outcome is Outcome.OK for sent in ledger.sent)
    counts["messages of unknown fate"] = sum(sent.outcome is Outcome.INFO for sent in ledger.sent)
    counts["readings"] = len(ledger.readings)
    counts["readers told to rewind"] = sum(len(reading.rewinds) for reading in ledger.readings)
    # The oracle has just said so.
    counts["lost"] = 0
