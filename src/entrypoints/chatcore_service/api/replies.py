"""Following and stopping a reply, whichever process makes it."""

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from chatcore.replies.turns import Turns
from chatcore_service.api.documents import json_response, message_document
from chatcore_service.http import paths
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.headers import resume_offset
from chatcore_service.http.ids import reply_ids
from chatcore_service.http.resource import SecuredResource
from chatcore_service.streaming.streams import Streams


@frozen(kw_only=True)
class ReplyEndpoints:
    """What a user may do with a reply."""

    turns: Turns
    authenticator: Authenticator
    streams: Streams

    def resources(self) -> list[SecuredResource]:
        """The paths."""
        return [
            SecuredResource(paths.REPLY_STREAM, self.authenticator, {"GET": self.follow}),
            SecuredResource(paths.REPLY_STOP, self.authenticator, {"POST": self.stop}),
        ]

    async def follow(self, request: Request, caller: Caller) -> ASGIApp:
        """The reply's text from where the caller left off; 204 when there is nothing left."""
        ids = reply_ids(request.path_params)
        offset = resume_offset(request)
        slot = await self.streams.take_slot(caller)
        reader = None
        try:
            reader = await self.turns.follow(caller.user, *ids, offset=offset)
            if reader is None:
                slot.release()
                return Response(status_code=204)
            await slot.confirm()
        except BaseException:
            slot.release()
            if reader is not None:
                self.turns.leave(reader)
            raise
        return self.streams.open(reader, caller=caller, slot=slot, offset=offset)

    async def stop(self, request: Request, caller: Caller) -> Response:
        """Ends the reply; its text stays."""
        message = await self.turns.stop(caller.user, *reply_ids(request.path_params))
        return json_response(message_document(message))
