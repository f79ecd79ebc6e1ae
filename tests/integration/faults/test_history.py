"""Random clients, random faults: a short history with a fixed seed. `make soak` makes long ones."""

from pathlib import Path

from tests.integration.faults.history import make_history

SEED = 20261122


async def test_twenty_clients_lose_nothing_whatever_is_pulled(tmp_path: Path) -> None:
    history = await make_history(tmp_path, seed=SEED, seconds=45)

    print(f"seed {SEED}\n{history}")  # noqa: T201 - pytest shows the figures of a test that failed, or with -s
    assert history.counts["replies begun"] > 50
    assert history.counts["kill -9"] > 0
    assert history.counts["continued or taken over"] > 0
