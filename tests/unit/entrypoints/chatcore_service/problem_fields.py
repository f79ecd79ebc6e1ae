"""What a refusal says was wrong."""

from __future__ import annotations

import httpx


def fields(response: httpx.Response) -> list[str]:
    """Returns the fields that a problem document names."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == response.json()["status"]
    return [problem["field"] for problem in response.json().get("errors", [])]
