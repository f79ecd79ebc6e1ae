"""Two users, all routes, all ids: what is another's, was deleted, never was or is no id is the same 404."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.entrypoints.chatcore_service.api.ownership import OWNED, RANDOM_ID, Ids, Row, gaps, secured_routes
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService

from chatcore.input_limits import InputLimits
from chatcore_memory import token_frame
from chatcore_service.api.all_endpoints import openapi_document

# -- The table has all routes ----------------------------------------------------------------------------------------


def test_every_route_of_the_document_has_its_row() -> None:
    assert gaps(openapi_document(InputLimits())) == set()


def _plant_route(document: dict[str, Any]) -> None:
    document["paths"]["/api/conversations/{conversation_id}/export"] = {"get": {"responses": {}}}


def _plant_nameless_route(document: dict[str, Any]) -> None:
    document["paths"]["/api/shares"] = {"get": {"responses": {}}}


def _plant_method(document: dict[str, Any]) -> None:
    document["paths"]["/api/conversations/{conversation_id}"]["trace"] = {"requestBody": {}, "responses": {}}


def _plant_name(document: dict[str, Any]) -> None:
    document["paths"]["/api/conversations/{share_id}"] = document["paths"].pop("/api/conversations/{conversation_id}")


def _plant_parameter(document: dict[str, Any]) -> None:
    parameter = {"name": "folder_id", "in": "query", "schema": {"type": "string"}}
    document["paths"]["/api/conversations"]["get"]["parameters"].append(parameter)


def _plant_body(document: dict[str, Any]) -> None:
    document["paths"]["/api/conversations/{conversation_id}"]["delete"]["requestBody"] = {"required": True}


def _lose_route(document: dict[str, Any]) -> None:
    del document["paths"]["/api/conversations/{conversation_id}/regenerate"]


@pytest.mark.parametrize(
    ("plant", "gap"),
    [
        (_plant_route, "GET /api/conversations/{conversation_id}/export"),
        (_plant_nameless_route, "GET /api/shares"),
        (_plant_method, "TRACE /api/conversations/{conversation_id}"),
        (_plant_name, "share_id"),
        (_plant_parameter, "folder_id"),
        (_plant_body, "DELETE /api/conversations/{conversation_id}: body"),
        (_lose_route, "POST /api/conversations/{conversation_id}/regenerate"),
    ],
)
def test_a_route_without_its_row_is_found(plant: Callable[[dict[str, Any]], None], gap: str) -> None:
    document = copy.deepcopy(openapi_document(InputLimits()))
    plant(document)

    assert gap in gaps(document)


# -- Strangers -------------------------------------------------------------------------------------------------------


async def owned(service: HttpService, headers: dict[str, str]) -> Ids:
    # A reply that has reached its length can be continued, and everything else can be done with it too.
    service.inference.play(token_frame("Hello"), b'data: {"done":true,"finish_reason":"length"}\n\n')
    opened = await service.turn(await service.conversation(headers), headers=headers)
    return opened["id"], opened["messages"][-1]["id"]


async def strangers(service: HttpService, row: Row) -> dict[str, Ids]:
    """Returns ids that Alice may send and that name nothing of hers, by their kind."""
    bobs, alices, deleted = await owned(service, BOB), await owned(service, ALICE), await owned(service, ALICE)
    await service.client.delete(f"/api/conversations/{deleted[0]}", headers=ALICE)
    kinds = {
        "another's": bobs,
        "deleted": deleted,
        "random": (RANDOM_ID, RANDOM_ID),
        "malformed": ("malformed", "malformed"),
    }
    if row.names_a_reply:
        others = await owned(service, ALICE)
        kinds |= {f"{kind} in her own": (alices[0], ids[1]) for kind, ids in kinds.items()}
        kinds |= {"hers in another's": (bobs[0], alices[1]), "hers in another of hers": (alices[0], others[1])}
    return kinds


@pytest.mark.parametrize("row", OWNED, ids=str)
async def test_nothing_tells_another_users_thing_from_none(service: HttpService, row: Row) -> None:
    kinds = await strangers(service, row)
    before = await service.count_of_everything(BOB), await service.count_of_everything(ALICE)

    answers = {kind: await row.request(service.client, ids, ALICE) for kind, ids in kinds.items()}
    assert {kind: answer.status_code for kind, answer in answers.items()} == dict.fromkeys(kinds, 404)
    assert len({answer.content for answer in answers.values()}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"x-trace-id"})) for answer in answers.values()}) == 1
    assert (await service.count_of_everything(BOB), await service.count_of_everything(ALICE)) == before


@pytest.mark.parametrize("row", [row for row in OWNED if row.bad_body], ids=str)
async def test_what_is_wrong_with_a_request_is_said_alike_whosever_the_thing_is(service: HttpService, row: Row) -> None:
    kinds = await strangers(service, row) | {"her own": await owned(service, ALICE)}
    # That an id is malformed is no secret: it is seen before the body is.
    kinds = {kind: ids for kind, ids in kinds.items() if not kind.startswith("malformed")}

    answers = [await row.request(service.client, ids, ALICE, bad=True) for ids in kinds.values()]
    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("row", OWNED, ids=str)
async def test_the_owner_gets_through(service: HttpService, row: Row) -> None:
    response = await row.request(service.client, await owned(service, ALICE), ALICE)

    assert response.status_code < 300


async def test_a_list_shows_the_callers_own_wherever_another_users_cursor_points(service: HttpService) -> None:
    for _ in range(2):
        await owned(service, ALICE)
        await owned(service, BOB)
    bobs = (await service.client.get("/api/conversations?limit=1", headers=BOB)).json()

    for query in ("", f"?cursor={bobs['next_cursor']}"):
        listed = (await service.client.get(f"/api/conversations{query}", headers=ALICE)).json()
        assert listed["items"]
        assert {item["user_id"] for item in listed["items"]} == {"alice"}


# -- Nobody ----------------------------------------------------------------------------------------------------------


NOT_EXACTLY_ONE_TOKEN: list[list[tuple[str, str]]] = [
    [],
    [("Authorization", "")],
    [("Authorization", "Bearer")],
    [("Authorization", "Bearer ")],
    [("Authorization", "Bearer unknown")],
    [("Authorization", "Bearer\ttoken-of-alice")],
    [("Authorization", "Bearer token-of-alice token-of-alice")],
    [("Authorization", "Basic token-of-alice")],
    [("Authorization", "token-of-alice")],
    [("Authorization", "Bearer token-of-alice, Bearer token-of-alice")],
    [("Authorization", "Bearer tökén")],
    [("Authorization", "Bearer token-of-alice"), ("Authorization", "Bearer token-of-alice")],
    [("Cookie", "token=token-of-alice"), ("X-Api-Key", "token-of-alice"), ("X-User-Id", "alice")],
]


@pytest.mark.parametrize(("method", "path"), secured_routes(openapi_document(InputLimits())))
async def test_no_secured_route_is_reached_without_exactly_one_token(
    service: HttpService, method: str, path: str
) -> None:
    address = path.format(conversation_id=RANDOM_ID, message_id=RANDOM_ID) + "?token=token-of-alice"
    for headers in NOT_EXACTLY_ONE_TOKEN:
        encoded = [(name.encode(), value.encode()) for name, value in headers]

        response = await service.client.request(method, address, headers=encoded)
        assert response.status_code == 401, headers
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_may_be_in_any_case(service: HttpService, scheme: str) -> None:
    response = await service.client.get("/api/conversations", headers={"Authorization": f"{scheme} token-of-alice"})

    assert response.status_code == 200


async def test_nobody_is_let_in_while_auth_is_away(service: HttpService) -> None:
    service.auth.outage = True

    response = await service.client.get("/api/conversations", headers=ALICE)
    assert (response.status_code, response.json()["code"]) == (503, "auth_unavailable")
    assert int(response.headers["retry-after"]) > 0


async def test_only_administrators_swap_models(service: HttpService) -> None:
    response = await service.client.post("/api/models/swap", json={"model_tag": "x"}, headers=ALICE)

    assert (response.status_code, response.json()["code"]) == (403, "not_admin")
    assert service.inference.swapped == []
