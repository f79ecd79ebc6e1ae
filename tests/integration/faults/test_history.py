"""Random clients, random faults: a short history with a fixed seed. `make soak` makes long ones."""

from pathlib import Path

import pytest

from tests.integration.faults.history import make_history

SEED = 20261122


async def test_twenty_clients_lose_nothing_whatever_is_pulled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = await make_history(tmp_path, seed=SEED, seconds=45)

    with capsys.disabled():
        print(f"\nseed {SEED}\n{history}")  # noqa: T201 - the figures are the point of a history
    assert history.counts["replies begun"] > 50
    assert history.counts["kill -9"] > 0
