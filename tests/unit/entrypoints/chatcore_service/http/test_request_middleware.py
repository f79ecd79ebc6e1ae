"""Every response has a trace id and the security headers."""

from __future__ import annotations

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import HttpService


@pytest.mark.parametrize("path", ["/api/health", "/api/conversations", "/nothing", "/docs", "/metrics"])
async def test_every_response_has_a_trace_id_and_the_security_headers(service: HttpService, path: str) -> None:
    response = await service.client.get(path)

    assert response.headers["x-trace-id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert len(response.headers.get_list("content-security-policy")) == 1
    assert "server" not in response.headers
