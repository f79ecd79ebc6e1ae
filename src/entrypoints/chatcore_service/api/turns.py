"""Sending and regenerating: requests that begin a reply, and stream it or say where it can be followed."""

from collections.abc import Awaitable, Callable
from functools import partial

from attrs import asdict, frozen
from starlette.requests import Request
from starlette.types import ASGIApp

from chatcore import Sampling, Turn
from chatcore.replies.turns import Turns
from chatcore_service.api.documents import json_response, turn_document
from chatcore_service.api.request_bodies import RegenerateBody, SendBody, structure
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.headers import idempotency_key, prefers_async
from chatcore_service.http.ids import conversation_id
from chatcore_service.http.resource import SecuredResource
from chatcore_service.streaming.streams import Streams

_Begin = Callable[[], Awaitable[Turn]]


@frozen(kw_only=True)
class TurnEndpoints:
    """What begins a reply."""

    turns: Turns
    authenticator: Authenticator
    bodies: BodyReader
    streams: Streams
    #: For requests that leave the dials out.
    default_sampling: Sampling

    def resources(self) -> list[SecuredResource]:
        """The paths."""
        return [
            SecuredResource(paths.MESSAGES, self.authenticator, {"POST": self.send}),
            SecuredResource(paths.REGENERATE, self.authenticator, {"POST": self.regenerate}),
        ]

    async def send(self, request: Request, caller: Caller) -> ASGIApp:
        """Appends a message and replies."""
        id_ = conversation_id(request.path_params)
        key = idempotency_key(request)
        body = structure(await self.bodies.read(request), SendBody)
        begin = partial(
            self.turns.send,
            caller.user,
            id_,
            body.content,
            sampling=body.sampling(self.default_sampling),
            idempotency_key=key,
            as_sent=asdict(body),
            trace_id=caller.trace_id,
        )
        return await self._respond(request, caller, begin)

    async def regenerate(self, request: Request, caller: Caller) -> ASGIApp:
        """Replies anew to the last message."""
        id_ = conversation_id(request.path_params)
        body = structure(await self.bodies.read(request), RegenerateBody)
        sampling = body.sampling(self.default_sampling)
        begin = partial(self.turns.regenerate, caller.user, id_, sampling=sampling, trace_id=caller.trace_id)
        return await self._respond(request, caller, begin)

    async def _respond(self, request: Request, caller: Caller, begin: _Begin) -> ASGIApp:
        if prefers_async(request):
            turn = await begin()
            headers = {"Location": _stream_of(turn), "Preference-Applied": "respond-async"}
            return json_response(turn_document(turn), status=202, headers=headers)
        return await self._stream(caller, begin)

    async def _stream(self, caller: Caller, begin: _Begin) -> ASGIApp:
        # By what is known: no look at the storage stands between a message and the first token. The caller's replies in
        # the making are counted where they begin, in any case.
        slot = await self.streams.take_slot(caller)
        try:
            turn = await begin()
            reader = await self.turns.read(turn)
        except BaseException:
            slot.release()
            raise
        return self.streams.open(reader, caller=caller, slot=slot, location=_stream_of(turn))


def _stream_of(turn: Turn) -> str:
    return paths.reply_stream(turn.reply.conversation_id, turn.reply.id)
