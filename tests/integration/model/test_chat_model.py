"""Whatever two users do, on two replicas over one PostgreSQL, the service and a model of it in memory show the same.

The examples are the same in every run, and one that fails is shown as it is. With CHATCORE_TEST_MODEL_EXAMPLES there
are that many, new ones in each run, and one that fails is made as short as it can be.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.faults.cluster import Cluster
from tests.integration.model.chat_machine import ChatMachine
from tests.integration.model.loop_thread import LoopThread
from tests.integration.model.reference_chat import MAX_GENERATIONS

EXAMPLES_VARIABLE = "CHATCORE_TEST_MODEL_EXAMPLES"
EXAMPLES = 14
STEPS = 30

#: Without these the examples would show nothing.
HAPPENED = {
    *(f"refused: {status}" for status in (404, 409, 422, 429)),
    "complete",
    "interrupted",
    "failed",
    "stopped",
    "went on",
    "repeated by key",
    "resumed while it is made",
    "resumed after its end",
    "deleted while it is made",
    "forked",
    "deleted messages",
    "sent to a place",
}

_asked_for = os.environ.get(EXAMPLES_VARIABLE)
SETTINGS = settings(
    max_examples=int(_asked_for or EXAMPLES),
    stateful_step_count=STEPS,
    derandomize=not _asked_for,
    phases=[Phase.generate, Phase.shrink] if _asked_for else [Phase.generate],
    print_blob=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as loop:
        yield loop


@pytest.fixture
def cluster(database_url: str, tmp_path: Path, loop: LoopThread) -> Iterator[Cluster]:
    cluster = Cluster(database_url, tmp_path, settings={"MAX_GENERATIONS_PER_USER": str(MAX_GENERATIONS)})
    loop.run(cluster.__aenter__())
    yield cluster
    loop.run(cluster.__aexit__(None, None, None))


def test_the_service_is_what_its_model_says(cluster: Cluster, loop: LoopThread) -> None:
    counts: Counter[str] = Counter()

    class Machine(ChatMachine):
        def __init__(self) -> None:
            super().__init__(cluster, loop, counts)

    run_state_machine_as_test(Machine, settings=SETTINGS)

    loop.run(cluster.check())
    # pytest shows the figures of a test that failed, or with -s: "failed 2" in a run without failures would alarm.
    print("\n".join(f"{what:<25}{count:>6}" for what, count in sorted(counts.items())))  # noqa: T201 - see above
    assert counts.keys() >= HAPPENED
