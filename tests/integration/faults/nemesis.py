"""Whoever it is that pulls the plugs."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from attrs import Factory, define

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.replica import PEACEFUL, Replica
from tests.integration.faults.tcp_proxy import TcpProxy

_LONGEST_FREEZE_SECONDS = 20.0
_EXIT_SECONDS = 30.0


@define(eq=False)
class Nemesis:
    """Injures replicas, the database and connections at random, and heals them in the end."""

    cluster: Cluster
    database: EmbeddedPostgres
    #: Before each replica one.
    proxies: Sequence[TcpProxy]
    random: Random
    #: What it has done.
    counts: Counter[str]
    #: Replicas that are being injured just now.
    _struck: set[Replica] = Factory(set)
    _recovering: set["asyncio.Task[None]"] = Factory(set)

    async def rage(self, until: asyncio.Event) -> None:
        """Injects one fault after the other."""
        faults: dict[Callable[[], Awaitable[None]], float] = {
            self._kill: 4,
            self._freeze: 2,
            self._terminate: 2,
            self._crash_database: 2,
            self._reset_connections: 4,
            self._slow_down: 1,
        }
        while not until.is_set():
            await asyncio.sleep(self.random.uniform(0.5, 3))
            (fault,) = self.random.choices(list(faults), list(faults.values()))
            await fault()

    async def heal(self) -> None:
        """Undoes all faults."""
        await asyncio.gather(*self._recovering)
        for proxy in self.proxies:
            proxy.heal()
        for replica in self.cluster.replicas:
            await replica.serves_again()

    # -- Faults ---------------------------------------------------------------------------------------------------

    def _victim(self) -> Replica | None:
        free = [replica for replica in self.cluster.replicas if replica not in self._struck]
        return self.random.choice(free) if free else None

    def _strike(self, what: str, recovery: Callable[[Replica], Awaitable[None]]) -> Replica | None:
        victim = self._victim()
        if victim is not None:
            self.counts[what] += 1
            self._struck.add(victim)
            self._recovering.add(asyncio.create_task(self._recover(victim, recovery)))
        return victim

    async def _recover(self, victim: Replica, recovery: Callable[[Replica], Awaitable[None]]) -> None:
        try:
            await recovery(victim)
        finally:
            self._struck.discard(victim)

    async def _kill(self) -> None:
        async def recovery(victim: Replica) -> None:
            victim.kill()
            await asyncio.sleep(self.random.uniform(0, 3))
            victim.start()
            await victim.serves_again()

        self._strike("kill -9", recovery)

    async def _freeze(self) -> None:
        async def recovery(victim: Replica) -> None:
            victim.freeze()
            await asyncio.sleep(self.random.uniform(0.5, _LONGEST_FREEZE_SECONDS))
            victim.thaw()

        self._strike("SIGSTOP, SIGCONT", recovery)

    async def _terminate(self) -> None:
        async def recovery(victim: Replica) -> None:
            victim.terminate()
            status = await victim.exit_status(within=_EXIT_SECONDS)
            assert status in PEACEFUL, f"{victim.name} ended with {status}: {victim.tail()}"
            victim.start()
            await victim.serves_again()

        self._strike("SIGTERM, restart", recovery)

    async def _crash_database(self) -> None:
        self.counts["database crashes"] += 1
        await asyncio.to_thread(self.database.stop, "immediate")
        await asyncio.sleep(self.random.uniform(0, 2))
        await asyncio.to_thread(self.database.start)

    async def _reset_connections(self) -> None:
        self.counts["connections reset"] += self.random.choice(self.proxies).reset_all()

    async def _slow_down(self) -> None:
        proxy = self.random.choice(self.proxies)
        self.counts["slow networks"] += 1
        proxy.slice_bytes, proxy.delay_seconds = self.random.randint(1, 100), 0.002
        await asyncio.sleep(self.random.uniform(0.5, 2))
        proxy.heal()
