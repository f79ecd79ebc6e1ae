"""``/api/conversations``: list, create, open, rename and delete."""

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore.conversations.use_cases import Conversations
from chatcore_service.api.documents import (
    conversation_document,
    json_response,
    open_conversation_response,
    page_response,
)
from chatcore_service.api.request_bodies import NewConversationBody, RenameBody, structure
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.ids import conversation_id
from chatcore_service.http.parameters import page_request, wants_all_branches
from chatcore_service.http.resource import SecuredResource


@frozen(kw_only=True)
class ConversationEndpoints:
    """What a user may do with conversations, over HTTP."""

    conversations: Conversations
    authenticator: Authenticator
    bodies: BodyReader

    def resources(self) -> list[SecuredResource]:
        """The paths."""
        return [
            SecuredResource(
                paths.CONVERSATIONS,
                self.authenticator,
                {"GET": self.index, "HEAD": self.index, "POST": self.create},
            ),
            SecuredResource(
                paths.CONVERSATION,
                self.authenticator,
                {"GET": self.show, "HEAD": self.show, "PUT": self.rename, "DELETE": self.delete},
            ),
        ]

    async def index(self, request: Request, caller: Caller) -> Response:
        """A page of the caller's conversations."""
        asked = page_request(request.query_params)
        page = await self.conversations.list(caller.user, asked)
        return page_response(page, asked)

    async def create(self, request: Request, caller: Caller) -> Response:
        """An empty conversation."""
        body = structure(await self.bodies.read(request), NewConversationBody)
        conversation = await self.conversations.create(caller.user, title=body.title, model_tag=body.model_tag)
        location = paths.CONVERSATION.format(conversation_id=conversation.id)
        return json_response(conversation_document(conversation), status=201, headers={"Location": location})

    async def show(self, request: Request, caller: Caller) -> Response:
        """A conversation with its messages."""
        id_ = conversation_id(request.path_params)
        all_branches = wants_all_branches(request.query_params)
        opened = await self.conversations.open(caller.user, id_, all_branches=all_branches)
        return await open_conversation_response(opened)

    async def rename(self, request: Request, caller: Caller) -> Response:
        """Another title."""
        id_ = conversation_id(request.path_params)
        body = structure(await self.bodies.read(request), RenameBody)
        return json_response(conversation_document(await self.conversations.rename(caller.user, id_, body.title)))

    async def delete(self, request: Request, caller: Caller) -> Response:
        """No conversation any more."""
        await self.conversations.delete(caller.user, conversation_id(request.path_params))
        return Response(status_code=204)
