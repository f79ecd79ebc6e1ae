"""The OpenAPI document against the running service: no route is missing, and no response has another shape."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from attrs import evolve
from jsonschema import Draft202012Validator
from tests.unit.conftest import until
from tests.unit.entrypoints.chatcore_service.http_service import (
    ALICE,
    ROOT,
    SETTINGS,
    HttpService,
    make_container,
    running_service,
)
from tests.unit.models_answers import models_answer

from chatcore import ChatError, Limits, errors
from chatcore.input_limits import InputLimits
from chatcore.testing.storage.search_steps import index_all
from chatcore_memory import token_frame
from chatcore_service.api.all_endpoints import openapi_document
from chatcore_service.http import paths, refusals
from chatcore_service.http.problems import status_of
from chatcore_service.http.refusals import RefusedError
from chatcore_service.http.resource import PublicResource, SecuredResource
from chatcore_service.openapi.page import ASSETS

DOCUMENT = openapi_document(InputLimits())
SCHEMA_OF_CODES: dict[str, Any] = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    _, _, kind, name = part["$ref"].split("/")
    found: dict[str, Any] = DOCUMENT["components"][kind][name]
    return found


def template_of(path: str) -> str:
    templates: list[str] = list(DOCUMENT["paths"])
    return next(t for t in templates if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", t), path))


def operation_of(method: str, path: str) -> dict[str, Any]:
    operation: dict[str, Any] = DOCUMENT["paths"][template_of(path)][method.lower()]
    return operation


def require_described(response: httpx.Response) -> None:
    """Fails if a response is not what the document says it may be."""
    request = response.request
    responses = operation_of(request.method, request.url.path)["responses"]
    described = resolved(responses.get(str(response.status_code)) or responses["default"])
    for name, header in described.get("headers", {}).items():
        assert name.lower() in response.headers, name
        validate(resolved(header)["schema"], _header_value(response.headers[name]))
    if not described.get("content"):
        assert response.content == b""
        return
    media_type = response.headers["content-type"].partition(";")[0]
    content = described["content"][media_type if media_type in described["content"] else "*/*"]
    if media_type == "text/event-stream":
        # Comments and the place at which a feed begins have no data.
        for data in re.findall(r"^data: (.*)$", response.text, re.MULTILINE):
            validate(content["schema"]["properties"]["data"]["contentSchema"], json.loads(data))
    elif media_type.endswith("json") and "schema" in content:
        validate(content["schema"], response.json())


def validate(schema: dict[str, Any], value: object) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def _header_value(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def api_resources() -> list[PublicResource | SecuredResource]:
    """Returns the resources of the API, without the files that the docs page and the built-in page load."""
    routes = make_container().application().routes
    resources = [route.endpoint for route in routes]  # type: ignore[attr-defined] # all are Route
    files = {paths.CONSOLE_LOADING, paths.CONSOLE_FILE, *(asset.path for asset in ASSETS)}
    return [resource for resource in resources if resource.path not in files]


def test_the_document_describes_every_route_and_no_other() -> None:
    served = {
        (resource.path, method.lower())
        for resource in api_resources()
        for method in resource.handlers
        if method != "HEAD"
    }
    described = {
        (path, method) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
    }

    assert described == served


def test_only_what_the_document_says_needs_no_token() -> None:
    for resource in api_resources():
        operations = [value for key, value in DOCUMENT["paths"][resource.path].items() if key != "parameters"]
        is_public = all(operation.get("security") == [] for operation in operations)
        assert isinstance(resource, PublicResource if is_public else SecuredResource)


def test_every_schema_is_valid_and_every_reference_leads_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in re.findall(r'"\$ref": "#/components/(\w+)/([\w-]+)"', json.dumps(DOCUMENT)):
        kind, name = reference
        assert name in DOCUMENT["components"][kind]


def test_every_link_leads_to_an_operation_and_parameters_that_it_takes() -> None:
    operations = {
        operation["operationId"]: {
            resolved(parameter)["name"] for parameter in item.get("parameters", []) + operation.get("parameters", [])
        }
        for item in DOCUMENT["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    }
    links = re.findall(r'"operationId": "(\w+)", "parameters": (\{[^}]*\}), "description"', json.dumps(DOCUMENT))

    assert {operation_id for operation_id, _ in links} == {
        "listConversations",
        "openConversation",
        "renameConversation",
        "changeConversation",
        "deleteConversation",
        "deleteMessage",
        "forkConversation",
        "sendMessage",
        "regenerateReply",
        "followReply",
        "stopReply",
        "listChanges",
        "followChanges",
        "searchConversations",
    }
    for operation_id, parameters in links:
        assert set(json.loads(parameters)) <= operations[operation_id]


def test_every_part_of_the_document_is_used() -> None:
    text = json.dumps(DOCUMENT)
    unused = {
        name
        for kind, parts in DOCUMENT["components"].items()
        for name in parts
        if kind != "securitySchemes" and f'"#/components/{kind}/{name}"' not in text
    }

    assert unused == set()


async def test_what_succeeds_has_the_described_shape(service: HttpService) -> None:
    client = service.client
    after = (await client.get("/api/changes", headers=ALICE)).json()["next"]
    service.inference.play(token_frame("Hello"), b'data: {"done":true,"finish_reason":"length"}\n\n')
    conversation = await service.conversation()
    stream = await client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
    accepted = await client.post(f"{conversation}/regenerate", headers={**ALICE, "Prefer": "respond-async"})
    followed = await client.get(accepted.headers["location"], headers=ALICE)
    responses = [
        stream,
        accepted,
        followed,
        await client.get(f"{accepted.headers['location']}?offset=9", headers=ALICE),
        await client.get(f"{accepted.headers['location']}?offset=5", headers=ALICE),
        await client.post(accepted.headers["location"].replace("/stream", "/stop"), headers=ALICE),
        await client.post(accepted.headers["location"].replace("/stream", "/continue"), headers=ALICE),
        await client.post("/api/conversations", json={"title": "x"}, headers=ALICE),
        await client.post("/api/conversations", json={"id": conversation[-36:]}, headers=ALICE),
        await client.post(f"{conversation}/fork", headers=ALICE),
        await client.post(f"{conversation}/fork", json={"id": conversation[-36:]}, headers=ALICE),
        await client.get("/api/conversations?limit=1", headers=ALICE),
        await client.get(conversation, headers=ALICE),
        await client.get(f"{conversation}?branches=all", headers=ALICE),
        await client.delete(accepted.headers["location"].removesuffix("/stream"), headers=ALICE),
        await client.put(conversation, json={"title": "y"}, headers=ALICE),
        await client.patch(conversation, json={"title": "z"}, headers=ALICE),
        await _found(service, "Hello"),
        await client.delete(conversation, headers=ALICE),
        await client.get(f"/api/changes?after={after}", headers=ALICE),
        await client.delete("/api/conversations", headers={**ALICE, "X-Confirm": "delete-all"}),
        await client.get("/api/export", headers=ALICE),
        await client.post("/api/import", content=b"[]", headers={**ALICE, "Content-Type": "application/json"}),
        await client.get("/api/models", headers=ALICE),
        await client.post("/api/models/swap", json={"model_tag": "x"}, headers=ROOT),
        await client.get("/"),
        await client.get("/api/health"),
        await client.get("/api/ready"),
        await client.get("/metrics"),
        await client.get("/openapi.json"),
        await client.get("/docs"),
        await client.get("/console/config"),
    ]
    # A feed ends when the process drains.
    following = asyncio.create_task(client.get(f"/api/events?after={after}", headers=ALICE))
    await until(lambda: service.container.feed_streams()._open)
    await service.container.shutdown().drain()
    responses.append(await following)

    (page,) = [response for response in responses if response.request.url.path == "/api/changes"]
    assert {item["event"] for item in page.json()["items"]} == {"conversation", "deleted"}
    for response in responses:
        assert response.status_code < 400
        require_described(response)
    called = {(response.request.method.lower(), template_of(response.request.url.path)) for response in responses}
    assert called == {(m, path) for path, item in DOCUMENT["paths"].items() for m in item if m != "parameters"}


async def _found(service: HttpService, text: str) -> httpx.Response:
    """Returns the response to a search that finds something."""
    await index_all(service.storage)
    response = await service.client.get(f"/api/search?q={text}", headers=ALICE)
    assert response.json()["items"]
    return response


async def test_what_is_refused_has_the_described_shape(service: HttpService) -> None:
    client = service.client
    conversation = await service.conversation()
    reply = await service.paused_reply(conversation)
    json_type = {**ALICE, "Content-Type": "application/json"}
    responses = [
        await client.get("/api/conversations"),
        await client.get("/api/conversations?limit=0", headers=ALICE),
        await client.post("/api/conversations", content=b"{", headers=json_type),
        await client.post("/api/conversations", content=b"{}", headers={**ALICE, "Content-Type": "text/plain"}),
        await client.post("/api/conversations", content=b" " * 262145, headers=json_type),
        await client.post("/api/conversations", json={"title": 1}, headers=ALICE),
        await client.get("/api/conversations/x", headers=ALICE),
        await client.put(conversation, json={}, headers=ALICE),
        await client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE),
        await client.post(f"{conversation}/regenerate", headers=ALICE),
        await client.post(f"{conversation}/fork", headers=ALICE),
        await client.get(f"{reply}/stream?offset=x", headers=ALICE),
        await client.post("/api/models/swap", json={"model_tag": "x"}, headers=ALICE),
    ]
    service.storage.outage = service.auth.outage = True
    responses += [await client.get("/api/conversations", headers=ALICE), await client.get("/api/ready")]
    service.storage.outage = service.auth.outage = False

    assert [r.status_code for r in responses] == [
        *(401, 422, 400, 415, 413, 422, 404, 422, 409, 409, 409, 400, 403, 503, 503)
    ]
    for response in responses:
        require_described(response)


@pytest.mark.parametrize("status", [200, 202, 400, 404, 418, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("media_type", ["application/json", "text/html"])
async def test_what_is_passed_on_has_the_described_shape(service: HttpService, status: int, media_type: str) -> None:
    service.inference.models = service.inference.swap_answer = models_answer(status, media_type=media_type)

    require_described(await service.client.get("/api/models", headers=ALICE))
    require_described(await service.client.post("/api/models/swap", json={"model_tag": "x"}, headers=ROOT))


async def test_too_much_at_once_has_the_described_shape() -> None:
    settings = evolve(SETTINGS, limits=Limits(generations_per_user=1))
    async with running_service(settings) as service:
        await service.paused_reply(await service.conversation())
        path = f"{await service.conversation()}/messages"
        refused = await service.client.post(path, json={"content": "hi"}, headers=ALICE)

    assert refused.status_code == 429
    require_described(refused)


def test_every_code_of_a_problem_is_described_with_its_status() -> None:
    kinds = {
        kind
        for module in (errors, refusals)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, ChatError | RefusedError)
    } - {ChatError, RefusedError}
    raised = {(kind.code, kind.status if issubclass(kind, RefusedError) else status_of(kind)) for kind in kinds}
    described = {(listed["const"], int(listed["description"].split(":")[0])) for listed in SCHEMA_OF_CODES["oneOf"]}

    assert described == raised | {("internal_error", 500)}
    assert len(described) == len(SCHEMA_OF_CODES["oneOf"])
    validate(SCHEMA_OF_CODES, "draining")
    assert not Draft202012Validator(SCHEMA_OF_CODES).is_valid("something_else")


@pytest.mark.parametrize(
    ("name", "value", "is_valid"),
    [
        ("NewMessage", {"content": "x" * 8000}, True),
        ("NewMessage", {"content": "x" * 8001}, False),
        ("NewMessage", {"content": "\x00"}, False),
        ("NewMessage", {"content": "x", "temperature": 2, "max_tokens": None}, True),
        ("NewMessage", {"content": "x", "top_k": 201}, False),
        ("NewMessage", {"content": "x", "more": 1}, True),
        ("Rename", {}, False),
    ],
)
def test_the_schemas_draw_the_limits_where_the_service_does(name: str, value: object, *, is_valid: bool) -> None:
    assert Draft202012Validator(DOCUMENT["components"]["schemas"][name]).is_valid(value) is is_valid
