"""Problem documents: every error of the core has its status, and says no more than it should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, running_service

from chatcore import ChatError, errors
from chatcore.errors import FieldProblem
from chatcore_service.http import problems
from chatcore_service.http.refusals import BodyTooLargeError

EXPECTED = {
    errors.InvalidInputError: 422,
    errors.NotAuthenticatedError: 401,
    errors.NotAdminError: 403,
    errors.NotFoundError: 404,
    errors.ConversationNotFoundError: 404,
    errors.MessageNotFoundError: 404,
    errors.ConflictError: 409,
    errors.GenerationInProgressError: 409,
    errors.CannotContinueError: 409,
    errors.CannotSwapError: 409,
    errors.NotContinuableError: 409,
    errors.NothingToRegenerateError: 400,
    errors.IdempotencyKeyReusedError: 422,
    errors.TooManyGenerationsError: 429,
    errors.UnavailableError: 503,
    errors.DrainingError: 503,
    errors.StorageUnavailableError: 503,
    errors.StorageNotReadyError: 503,
    errors.AuthUnavailableError: 503,
    errors.AuthKeyRefusedError: 503,
    errors.InferenceError: 503,
    errors.InferenceKeyRefusedError: 502,
    errors.InferenceUnreachableError: 503,
    errors.ModelsRefusedError: 503,
    errors.InferenceRefusedError: 503,
    errors.ContextTooLongError: 503,
    errors.InferenceTimeoutError: 503,
    errors.InferenceInterruptedError: 503,
    ChatError: 500,
}


RootT = TypeVar("RootT")


def all_subclasses(root: type[RootT]) -> Iterator[type[RootT]]:
    yield root
    for child in root.__subclasses__():
        yield from all_subclasses(child)


def test_every_error_of_the_core_has_its_status() -> None:
    statuses = {
        kind: problems.status_of(kind) for kind in all_subclasses(ChatError) if kind.__module__ == errors.__name__
    }

    assert statuses == EXPECTED


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.NotAuthenticatedError(), "www-authenticate", "Bearer"),
        (errors.TooManyGenerationsError(8), "retry-after", "5"),
        (errors.DrainingError(), "retry-after", "1"),
        (errors.StorageUnavailableError(), "retry-after", "2"),
        (
            errors.GenerationInProgressError(UUID(int=1), UUID(int=2)),
            "location",
            f"/api/conversations/{UUID(int=1)}/messages/{UUID(int=2)}/stream",
        ),
    ],
)
def test_an_error_carries_what_the_caller_needs_next(error: ChatError, header: str, value: str) -> None:
    assert problems.chat_error(error).headers[header] == value


def test_a_document_has_what_the_standard_asks_for() -> None:
    response = problems.chat_error(errors.InvalidInputError(FieldProblem("title", "must not be empty")))

    assert response.media_type == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": "urn:chatcore:problem:invalid_input",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "title must not be empty.",
        "code": "invalid_input",
        "errors": [{"field": "title", "problem": "must not be empty"}],
    }


def test_what_was_written_by_hand_is_the_same_document() -> None:
    error = BodyTooLargeError(5)

    assert problems.problem_body(error) == problems.refused(error).body


async def test_what_nobody_foresaw_says_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_service() as service:

        async def fail(*_: object) -> None:
            raise RuntimeError("the secret of the database")

        monkeypatch.setattr(service.storage, "list_conversations", fail)
        response = await service.client.get("/api/conversations", headers=ALICE)

    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert "secret" not in response.text
    assert response.headers["x-trace-id"]


async def test_a_storage_that_is_away_is_a_503_on_every_route() -> None:
    async with running_service() as service:
        conversation = await service.conversation()
        service.storage.outage = True
        responses = [
            await service.client.get("/api/conversations", headers=ALICE),
            await service.client.post("/api/conversations", headers=ALICE),
            await service.client.get(conversation, headers=ALICE),
            await service.client.put(conversation, json={"title": "x"}, headers=ALICE),
            await service.client.delete(conversation, headers=ALICE),
            await service.client.post(f"{conversation}/messages", json={"content": "x"}, headers=ALICE),
            await service.client.post(f"{conversation}/regenerate", headers=ALICE),
        ]
        service.storage.outage = False

    assert {response.status_code for response in responses} == {503}
    assert all(int(response.headers["retry-after"]) > 0 for response in responses)
