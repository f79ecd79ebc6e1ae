"""Tests exports and imports over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService, running_service
from tests.unit.entrypoints.chatcore_service.trusted_proxy import BEHIND_PROXY, as_user, client_at

_JSON = {"Content-Type": "application/json"}
_LINES = {"Content-Type": "application/x-ndjson"}
_CHAT = {"id": "c-%d", "title": "A chat", "mapping": {"q": {"message": {"author": {"role": "user"}}}}}


async def exported(service: HttpService, headers: dict[str, str] = ALICE) -> bytes:
    response = await service.client.get("/api/export", headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    return response.content


async def imported(service: HttpService, file: bytes, headers: dict[str, str]) -> object:
    response = await service.client.post("/api/import", content=file, headers=headers)
    assert response.status_code == 200
    return response.json()


def chats(count: int) -> bytes:
    return json.dumps([{**_CHAT, "id": f"c-{number}"} for number in range(count)]).encode()


async def test_what_one_user_exports_another_can_import(service: HttpService) -> None:
    for _ in range(3):
        await service.turn(await service.conversation())
    file = await exported(service)

    first = await imported(service, file, {**BOB, **_LINES})
    again = await imported(service, file, {**BOB, **_LINES})

    assert first == {"imported": 3, "skipped": 0, "problems": []}
    assert again == {"imported": 0, "skipped": 3, "problems": []}
    assert (await exported(service, BOB)).splitlines()[1:] == file.splitlines()[1:]
    assert await service.count_of_everything(ALICE) == await service.count_of_everything(BOB) == (3, 6)


async def test_the_ids_of_others_are_as_free_as_any(service: HttpService) -> None:
    conversation = await service.conversation(BOB)
    await service.turn(conversation, headers=BOB)
    file = await exported(service, BOB)
    before = await service.open(conversation, BOB)
    changed = file.replace(b'"hi"', b'"ho"').replace(b'"title_source":"auto"', b'"title_source":"user"')

    assert await imported(service, changed, {**ALICE, **_LINES}) == {"imported": 1, "skipped": 0, "problems": []}

    assert await service.open(conversation, BOB) == before
    assert (await service.open(conversation, ALICE))["messages"][0]["content"] == "ho"


async def test_chatgpts_export_is_imported_and_problems_are_listed(service: HttpService) -> None:
    file = chats(2)[:-1] + b',7,{"id":"c-0","mapping":{}}]'

    report = await imported(service, file, {**ALICE, **_JSON})

    problem = {"line": 3, "problem": "The conversation must be one of ChatGPT, with an id and a mapping."}
    assert report == {"imported": 2, "skipped": 2, "problems": [problem]}


async def test_at_most_a_thousand_problems_are_listed(service: HttpService) -> None:
    report = await imported(service, json.dumps([7] * 1500).encode(), {**ALICE, **_JSON})

    assert isinstance(report, dict)
    assert (report["skipped"], len(report["problems"])) == (1500, 1000)


@pytest.mark.parametrize("file", [b"", b" ", b"PK\x03\x04", b'{"title":"x"}', b"7", b'"x"', b"hello", b"\xff"])
async def test_another_format_is_refused(service: HttpService, file: bytes) -> None:
    response = await service.client.post("/api/import", content=file, headers={**ALICE, **_JSON})

    assert (response.status_code, response.json()["code"]) == (422, "unknown_format")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/zip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {**_JSON, "Content-Encoding": "gzip"},
    ],
)
async def test_what_is_neither_json_nor_json_lines_is_refused(service: HttpService, headers: dict[str, str]) -> None:
    file = gzip.compress(chats(1))

    response = await service.client.post("/api/import", content=file, headers={**ALICE, **headers})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_file_type")


async def test_a_file_of_more_than_a_gibibyte_is_refused(service: HttpService) -> None:
    headers = {**ALICE, **_JSON, "Content-Length": f"{1024**3 + 1}"}

    response = await service.client.post("/api/import", content=b"[", headers=headers)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_a_user_has_one_import_and_one_export_at_a_time(service: HttpService) -> None:
    may_end = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield chats(1)[:-1]
        await may_end.wait()
        yield b"]"

    first = asyncio.create_task(service.client.post("/api/import", content=slow(), headers={**ALICE, **_JSON}))
    while await service.count_of_everything() != (1, 0):  # noqa: ASYNC110 - another task changes it
        await asyncio.sleep(0)
    second = await service.client.post("/api/import", content=b"[]", headers={**ALICE, **_JSON})
    others = await imported(service, b"[]", {**BOB, **_JSON})
    export = await service.client.get("/api/export", headers=ALICE)
    may_end.set()

    assert (second.status_code, second.json()["code"]) == (429, "transfer_in_progress")
    assert int(second.headers["retry-after"]) > 0
    assert others == {"imported": 0, "skipped": 0, "problems": []}
    assert export.status_code == 200
    assert (await first).json()["imported"] == 1
    assert (await imported(service, b"[]", {**ALICE, **_JSON})) == {"imported": 0, "skipped": 0, "problems": []}


async def test_what_was_imported_before_a_failure_stays_and_is_passed_over_later(service: HttpService) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield chats(3)[:-1]
        while (await service.count_of_everything())[0] < 3:  # noqa: ASYNC110 - another task changes it
            await asyncio.sleep(0)
        service.storage.outage = True
        yield b"," + chats(5)[1:]

    response = await service.client.post("/api/import", content=failing(), headers={**ALICE, **_JSON})
    service.storage.outage = False

    assert response.status_code == 503
    assert await imported(service, chats(5), {**ALICE, **_JSON}) == {"imported": 2, "skipped": 3, "problems": []}


async def test_head_tells_of_the_export_and_reads_nothing(service: HttpService) -> None:
    service.storage.outage = True

    response = await service.client.head("/api/export", headers=ALICE)

    assert response.status_code == 200
    assert "content-length" not in response.headers
    assert response.headers["content-disposition"] == 'attachment; filename="conversations.jsonl"'


async def test_behind_a_proxy_nothing_is_exported_over_http() -> None:
    async with running_service(BEHIND_PROXY) as service, client_at(service) as client:
        response = await client.get("/api/export", headers=as_user("alice"))

    assert (response.status_code, response.json()["code"]) == (403, "token_required")
