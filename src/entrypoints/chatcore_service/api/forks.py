"""Copies paths of conversations to new conversations."""

from typing import Annotated

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore import ConversationId, MessageId
from chatcore.conversations.use_cases import Conversations
from chatcore.input_limits import InputLimits
from chatcore_service.api.conversation_responses import creation_response, creation_responses
from chatcore_service.api.field_types import Id, NewConversationId
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Caller
from chatcore_service.http.decoding import decode_body
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.fields import Doc
from chatcore_service.http.ids import conversation_id
from chatcore_service.http.operation import Operation


@frozen(kw_only=True)
class ForkBody:
    """The path to copy."""

    message_id: (
        Annotated[
            Id,
            Doc(
                "The last message of the copied path, on any branch. Without a value, the path ends with the newest "
                "message of the active branch."
            ),
        ]
        | None
    ) = None
    id: NewConversationId | None = None


@frozen(kw_only=True)
class ForkEndpoints(SecuredEndpoints):
    """Makes conversations of others."""

    conversations: Conversations
    bodies: BodyReader
    limits: InputLimits

    @secured(
        Operation(
            method="POST",
            path=paths.FORK,
            id="forkConversation",
            body=ForkBody,
            responses=creation_responses(
                "The new conversation, with a copy of the path. Its title, model and instructions are those of the "
                "other conversation."
            ),
            problems=(409,),
        )
    )
    async def fork(self, request: Request, caller: Caller) -> Response:
        """Copies the path to a message to a new conversation.

        While the last message of the path is being generated, the request is refused with 409: wait for its end, or
        name an earlier message.
        """
        source_id = conversation_id(request.path_params)
        body = decode_body(await self.bodies.read(request), ForkBody, self.limits)
        return creation_response(
            await self.conversations.fork(
                caller.user,
                source_id,
                None if body.message_id is None else MessageId(body.message_id),
                new_id=None if body.id is None else ConversationId(body.id),
            )
        )
