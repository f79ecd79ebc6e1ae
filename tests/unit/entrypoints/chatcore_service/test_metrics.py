"""Metrics: what is counted, and that no caller can choose a label."""

from __future__ import annotations

from uuid import uuid4

import httpx
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService, make_container
from tests.unit.settling import settle

from chatcore_service.metrics import Metrics


async def test_the_metrics_count_requests_replies_and_tokens(service: HttpService) -> None:
    service.inference.say("a", "b", "c")
    await service.turn(await service.conversation())
    await service.client.get(f"/api/conversations/{uuid4()}", headers=ALICE)

    text = (await service.client.get("/metrics")).text
    path = "/api/conversations/{conversation_id}"
    assert f'\nhttp_requests_total{{method="GET",route="{path}",status="404"}} 1.0' in text
    assert f'\nhttp_requests_total{{method="POST",route="{path}/messages",status="200"}} 1.0' in text
    labels = f'method="POST",route="{path}/messages",status="200"'
    assert f"\nhttp_request_duration_seconds_count{{{labels}}} 1.0" in text
    assert f'\nhttp_request_duration_seconds_bucket{{le="10.0",{labels}}} 1.0' in text
    assert 'chatcore_generations_total{status="complete"} 1.0' in text
    assert "chatcore_tokens_total 3.0" in text
    assert "chatcore_first_token_seconds_count 1.0" in text
    assert "chatcore_active_generations 0.0" in text
    assert "chatcore_open_streams 0.0" in text


async def test_no_label_can_be_chosen_by_a_caller(service: HttpService) -> None:
    for path in ("/canary", "/api/conversations/canary", "/api/health?canary"):
        await service.client.get(path, headers=ALICE)

    text = (await service.client.get("/metrics")).text
    assert "canary" not in text
    assert 'route="unknown",status="404"' in text


def test_the_pools_have_metrics() -> None:
    metrics = Metrics()
    metrics.show_pools({"requests": {"pool_size": 3}})

    assert b'chatcore_database_pool{figure="pool_size",pool="requests"} 3.0' in metrics.exposition()


def test_every_dropped_log_line_counts_once() -> None:
    metrics = Metrics()
    for total in (3, 3, 5):
        metrics.show_dropped_lines(total)

    assert b"chatcore_log_lines_dropped_total 5.0" in metrics.exposition()


async def test_the_dropped_log_lines_have_a_metric() -> None:
    container = make_container()
    container.lifespan.add_kwargs(dropped_lines=lambda: 7)
    app = container.application()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chat.test") as client,
    ):
        await settle()
        text = (await client.get("/metrics")).text

    assert "chatcore_log_lines_dropped_total 7.0" in text
