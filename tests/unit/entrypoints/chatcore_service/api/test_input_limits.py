"""Tests that the limits of what a user sends are those of the settings, over HTTP and in the OpenAPI document."""

from __future__ import annotations

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, running_service
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

from chatcore_service.settings import Settings

LOW = Settings.from_environment(
    {
        "INTERNAL_API_KEY": "key",
        "MAX_MESSAGE_CHARACTERS": "3",
        "MAX_TITLE_CHARACTERS": "80",
        "MAX_MODEL_TAG_CHARACTERS": "7",
        "MAX_TEMPERATURE": "0.5",
        "MAX_REPLY_TOKENS": "16",
    }
)
HIGH = Settings.from_environment(
    {"INTERNAL_API_KEY": "key", "MAX_TITLE_CHARACTERS": "2000", "MAX_MODEL_TAG_CHARACTERS": "1000"}
)


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "above"),
    [
        ("POST", "/api/conversations", {"title": "x" * 80}, "title", "x" * 81),
        ("POST", "/api/conversations", {"model_tag": "x" * 7}, "model_tag", "x" * 8),
        ("POST", "/api/conversations", {"instructions": "xxx"}, "instructions", "xxxx"),
        ("PATCH", "{conversation}", {"instructions": "xxx"}, "instructions", "xxxx"),
        ("PUT", "{conversation}", {"title": "x" * 80}, "title", "x" * 81),
        ("PATCH", "{conversation}", {"title": "x" * 80}, "title", "x" * 81),
        ("POST", "{conversation}/messages", {"content": "xxx"}, "content", "xxxx"),
        ("POST", "{conversation}/messages", {"content": "x", "temperature": 0.5}, "temperature", 0.51),
        ("POST", "{conversation}/messages", {"content": "x", "max_tokens": 16}, "max_tokens", 17),
    ],
)
async def test_a_field_is_held_to_its_setting(
    method: str, path: str, body: dict[str, object], field: str, above: object
) -> None:
    async with running_service(LOW) as service:
        target = path.format(conversation=await service.conversation())
        refused = await service.client.request(method, target, json={**body, field: above}, headers=ALICE)
        taken = await service.client.request(method, target, json=body, headers=ALICE)

    assert (refused.status_code, fields(refused), taken.is_success) == (422, [field], True)


async def test_titles_and_model_tags_may_be_longer_than_by_default() -> None:
    async with running_service(HIGH) as service:
        body = {"title": "x" * 2000, "model_tag": "y" * 1000}
        response = await service.client.post("/api/conversations", json=body, headers=ALICE)
        document = response.json()
        renamed = await service.client.put(
            f"/api/conversations/{document['id']}", json={"title": "z" * 2000}, headers=ALICE
        )

    assert (document["title"], document["model_tag"]) == ("x" * 2000, "y" * 1000)
    assert renamed.json()["title"] == "z" * 2000


async def test_a_request_that_names_no_parameter_is_within_the_limits() -> None:
    async with running_service(LOW) as service:
        await service.turn(await service.conversation(), "x")
        seen = service.inference.calls[-1].request.sampling

    assert (seen.temperature, seen.max_tokens) == (0.5, 16)


async def test_the_document_shows_the_limits_of_the_settings() -> None:
    async with running_service(LOW) as service:
        schemas = (await service.client.get("/openapi.json")).json()["components"]["schemas"]

    message = schemas["NewMessage"]["properties"]
    created = schemas["NewConversation"]["properties"]
    assert message["content"]["maxLength"] == 3
    assert (message["temperature"]["maximum"], message["max_tokens"]["maximum"]) == (0.5, 16)
    assert (created["title"]["maxLength"], created["model_tag"]["maxLength"]) == (80, 7)
    assert created["instructions"]["maxLength"] == schemas["Changes"]["properties"]["instructions"]["maxLength"] == 3
    assert schemas["Rename"]["properties"]["title"]["maxLength"] == 80
    assert schemas["Changes"]["properties"]["title"]["maxLength"] == 80
    assert schemas["Swap"]["properties"]["model_tag"]["maxLength"] == 7
