"""Searching over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

from chatcore.testing.storage.search_steps import index_all


async def _search(service: HttpService, headers: dict[str, str] = ALICE, **query: object) -> dict[str, Any]:
    response = await service.client.get("/api/search", params=query, headers=headers)  # type: ignore[arg-type]  # any value
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


async def test_a_message_is_found_with_its_conversation_and_a_snippet(service: HttpService) -> None:
    service.inference.say("Wale sind groß.")
    opened = await service.turn(await service.conversation())
    await index_all(service.storage)

    document = await _search(service, q="GROSS")

    (item,) = document["items"]
    assert item.pop("conversation").items() <= opened.items()
    assert item == {
        "message_id": opened["messages"][1]["id"],
        "snippet": "Wale sind groß.",
        "highlights": [[10, 14]],
    }
    assert document["next_cursor"] is None


async def test_a_cursor_leads_to_the_next_page(service: HttpService) -> None:
    made = [(await service.conversation())[-36:] for _ in range(3)]
    await index_all(service.storage)

    first = await _search(service, q="conv", limit=2)
    second = await _search(service, q="conv", limit=2, cursor=first["next_cursor"])

    assert [item["conversation"]["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert [item["message_id"] for item in first["items"]] == [None, None]
    assert second["next_cursor"] is None


async def test_nothing_of_another_user_is_found_with_their_cursor_either(service: HttpService) -> None:
    for _ in range(2):
        await service.conversation()
    await index_all(service.storage)
    cursor = (await _search(service, q="conv", limit=1))["next_cursor"]

    assert await _search(service, BOB, q="conv") == {"items": [], "next_cursor": None}
    assert await _search(service, BOB, q="conv", cursor=cursor) == {"items": [], "next_cursor": None}


async def test_punctuation_finds_nothing(service: HttpService) -> None:
    assert await _search(service, q="?! …") == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("", ["q"]),
        ("q=", ["q"]),
        ("q=%00", ["q"]),
        ("q=a&q=b", ["q"]),
        ("q=" + "word+" * 1000, ["q"]),
        ("q=a&limit=0", ["limit"]),
        ("q=a&limit=101", ["limit"]),
        ("q=a&cursor=forged", ["cursor"]),
        ("q=a&cursor=1-3fa85f64-5717-4562-b3fc-2c963f66afa6", ["cursor"]),
        ("limit=x&cursor=x", ["cursor", "limit", "q"]),
    ],
)
async def test_a_query_that_breaks_its_limits_is_refused(service: HttpService, query: str, refused: list[str]) -> None:
    response = await service.client.get(f"/api/search?{query}", headers=ALICE)

    assert (response.status_code, sorted(fields(response))) == (422, refused)
