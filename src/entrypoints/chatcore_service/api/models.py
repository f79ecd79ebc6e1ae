"""``/api/models``: passed on to the inference service and back, unread."""

import re
from http import HTTPStatus

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore.errors import NotAdminError, UnavailableError
from chatcore.ports import Inference, InferenceReply
from chatcore_service.api.request_bodies import SwapBody, structure
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.resource import SecuredResource

_MEDIA_TYPE = re.compile(r"[\x20-\x7e]{1,200}")
# Our own refusals with these statuses say when, too.
_COME_BACK_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@frozen(kw_only=True)
class ModelEndpoints:
    """The models of the inference service."""

    inference: Inference
    authenticator: Authenticator
    bodies: BodyReader

    def resources(self) -> list[SecuredResource]:
        """The paths."""
        return [
            SecuredResource(paths.MODELS, self.authenticator, {"GET": self.index, "HEAD": self.index}),
            SecuredResource(paths.SWAP, self.authenticator, {"POST": self.swap}),
        ]

    async def index(self, _request: Request, caller: Caller) -> Response:
        """The models there are."""
        return _passed_on(await self.inference.list_models(trace_id=caller.trace_id))

    async def swap(self, request: Request, caller: Caller) -> Response:
        """Another model; for administrators."""
        if not caller.user.is_admin:
            raise NotAdminError
        body = structure(await self.bodies.read(request), SwapBody)
        return _passed_on(await self.inference.swap_model(body.model_tag, trace_id=caller.trace_id))


def _passed_on(reply: InferenceReply) -> Response:
    media_type = reply.media_type if _MEDIA_TYPE.fullmatch(reply.media_type) else "application/octet-stream"
    headers = {"Content-Type": media_type}
    if reply.status in _COME_BACK_LATER:
        headers["Retry-After"] = str(reply.retry_after_seconds or UnavailableError.retry_after_seconds)
    return Response(reply.body, status_code=reply.status, headers=headers)
