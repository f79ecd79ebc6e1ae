"""Follows and stops replies that any process of the service generates."""

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from chatcore.conversations.places import Place
from chatcore.conversations.trees import Trees
from chatcore.replies.turns import Turns
from chatcore_service.api.events import FOLLOWED_REPLY
from chatcore_service.api.message_document import MessageDocument, message_json
from chatcore_service.http import paths
from chatcore_service.http.caller import Caller
from chatcore_service.http.encoding import json_response
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.headers import LAST_EVENT_ID, TEXT_OFFSET, resume_point
from chatcore_service.http.ids import reply_ids
from chatcore_service.http.operation import DocumentedResponse, Operation, documented_json
from chatcore_service.streaming.streams import Streams


@frozen(kw_only=True)
class ReplyEndpoints(SecuredEndpoints):
    """Gives access to existing replies."""

    turns: Turns
    trees: Trees
    streams: Streams

    @secured(
        Operation(
            method="GET",
            path=paths.REPLY_STREAM,
            id="followReply",
            parameters=(LAST_EVENT_ID, TEXT_OFFSET),
            responses=(
                FOLLOWED_REPLY,
                DocumentedResponse(
                    status=204,
                    description="The reader has all of a complete reply, or was told how the reply ended.",
                ),
            ),
            has_head=False,
        )
    )
    async def follow(self, request: Request, caller: Caller) -> ASGIApp:
        """Streams a reply from where the reader left off, live or finished."""
        ids = reply_ids(request.path_params)
        point = resume_point(request)
        slot = await self.streams.take_slot(caller)
        reader = None
        try:
            reader = await self.turns.follow(
                caller.user, *ids, offset=point.offset, generation=point.generation, knows_end=point.knows_end
            )
            if reader is None:
                slot.release()
                return Response(status_code=204)
            await slot.confirm()
        except BaseException:
            slot.release()
            if reader is not None:
                self.turns.leave(reader)
            raise
        return self.streams.open(reader, caller=caller, slot=slot, place=Place(point.offset or 0, point.generation))

    @secured(
        Operation(
            method="POST",
            path=paths.REPLY_STOP,
            id="stopReply",
            responses=(documented_json(200, MessageDocument, "The reply, with the text it had when it was stopped."),),
        )
    )
    async def stop(self, request: Request, caller: Caller) -> Response:
        """Stops a reply that is being generated, and keeps its text."""
        message = await self.turns.stop(caller.user, *reply_ids(request.path_params))
        (shown,) = await self.trees.with_siblings(message)
        return json_response(message_json(shown))
