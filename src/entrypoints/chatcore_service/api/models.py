"""Passes requests about models on to the inference service, and its responses back unchanged."""

import re
from collections.abc import Awaitable
from http import HTTPStatus

from attrs import evolve, frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore.errors import ModelsRefusedError, NotAdminError
from chatcore.input_limits import InputLimits
from chatcore.ports import Models, ModelsDocument
from chatcore_service.api.field_types import ModelTag
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Caller
from chatcore_service.http.decoding import decode_body
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.media_types import JSON
from chatcore_service.http.operation import DocumentedResponse, Operation
from chatcore_service.openapi.problem_responses import problem_response

_MEDIA_TYPE = re.compile(r"[\x20-\x7e]{1,200}")
# This service's own problem documents with these statuses also have a Retry-After header.
_WITH_RETRY_AFTER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@frozen(kw_only=True)
class SwapBody:
    """The model to load."""

    model_tag: ModelTag


def _unread(status: int | None) -> DocumentedResponse:
    return DocumentedResponse(
        status=status, description="The inference service's response, unchanged.", content={JSON: None, "*/*": None}
    )


def _unread_or_problem(status: int) -> DocumentedResponse:
    problem = problem_response(status)
    description = f"{problem.description} Or the inference service's response, unchanged."
    return evolve(problem, description=description, content={**problem.content, "*/*": None})


_PASSED_ON = (*map(_unread_or_problem, (400, 404, 422, 429, 500, 502, 503)), _unread(None))


@frozen(kw_only=True)
class ModelEndpoints(SecuredEndpoints):
    """Passes requests about models on to the inference service."""

    models: Models
    bodies: BodyReader
    limits: InputLimits

    @secured(Operation(method="GET", path=paths.MODELS, id="listModels", responses=(_unread(200), *_PASSED_ON)))
    async def index(self, _request: Request, caller: Caller) -> Response:
        """Lists the models of the inference service."""
        return await _answer(self.models.list_models(trace_id=caller.trace_id))

    @secured(
        Operation(
            method="POST",
            path=paths.SWAP,
            id="swapModel",
            body=SwapBody,
            responses=(_unread(202), _unread_or_problem(409), *_PASSED_ON),
            problems=(403,),
        )
    )
    async def swap(self, request: Request, caller: Caller) -> Response:
        """Loads another model, if the user is an administrator."""
        if not await self.authenticator.is_administrator(caller):
            raise NotAdminError
        body = decode_body(await self.bodies.read(request), SwapBody, self.limits)
        return await _answer(self.models.swap_model(body.model_tag, trace_id=caller.trace_id))


async def _answer(asking: Awaitable[ModelsDocument]) -> Response:
    try:
        return _passed_on(await asking)
    except ModelsRefusedError as refusal:
        is_temporary = refusal.status in _WITH_RETRY_AFTER
        return _passed_on(refusal, retry_after_seconds=refusal.retry_after_seconds if is_temporary else None)


def _passed_on(document: ModelsDocument | ModelsRefusedError, *, retry_after_seconds: int | None = None) -> Response:
    media_type = document.media_type if _MEDIA_TYPE.fullmatch(document.media_type) else "application/octet-stream"
    headers = {"Content-Type": media_type}
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    return Response(document.content, status_code=document.status, headers=headers)
