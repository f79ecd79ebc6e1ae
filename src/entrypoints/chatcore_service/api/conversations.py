"""Lists, creates, opens, changes and deletes conversations."""

from typing import Annotated, Any

from attrs import asdict, frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from chatcore.conversations.changes import SETTABLE_FIELDS, UNSET, ConversationChanges, HeadChoice
from chatcore.conversations.creation import Creation
from chatcore.conversations.message import DEFAULT_MODEL_TAG, ConversationId, MessageId
from chatcore.conversations.use_cases import Conversations
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.input_limits import InputLimits
from chatcore.ports import Models
from chatcore_service.api.conversation_page import ConversationPageDocument, PageQuery, page_response
from chatcore_service.api.conversation_responses import (
    ConversationDocument,
    conversation_json,
    creation_response,
    creation_responses,
)
from chatcore_service.api.field_types import (
    Id,
    ModelTag,
    NewConversationId,
    NewInstructions,
    NewModelTag,
    NewTitle,
    Title,
)
from chatcore_service.api.open_conversation import OpenConversationDocument, OpenQuery, open_conversation_response
from chatcore_service.api.time_zones import time_zone
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Caller
from chatcore_service.http.confirmation import CONFIRM_DELETE_ALL, require_confirmation
from chatcore_service.http.decoding import decode_body, decode_query
from chatcore_service.http.encoding import json_head_response, json_response
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.fields import Doc
from chatcore_service.http.ids import conversation_id
from chatcore_service.http.operation import DocumentedResponse, Link, Operation, documented_json

# -- Bodies and queries ----------------------------------------------------------------------------------------------

# The value of a field that is absent, where null has a meaning of its own.
_ABSENT: Any = UNSET


@frozen(kw_only=True)
class NewConversationBody:
    """A conversation to create."""

    id: NewConversationId | None = None
    title: NewTitle | None = None
    model_tag: NewModelTag | None = None
    instructions: NewInstructions | None = None


@frozen(kw_only=True)
class RenameBody:
    """A new title for a conversation."""

    title: Title

    def changes(self) -> ConversationChanges:
        """Returns the changes for the core."""
        return ConversationChanges(title=self.title)


@frozen(kw_only=True)
class ChangesBody:
    """Changes to a conversation. A field that is absent stays as it is, and so does one that is null.

    Only null instructions are a change.
    """

    title: Title | None = None
    is_pinned: bool | None = None
    is_archived: (
        Annotated[bool, Doc("Archived conversations are in a list of their own. `updated_at` stays as it is.")] | None
    ) = None
    model_tag: (
        Annotated[
            ModelTag,
            Doc(
                "The model of the next replies, `default` for that of the service. Of an OpenAI-compatible service, it "
                "must be one of the listed models."
            ),
        ]
        | None
    ) = None
    instructions: Annotated[NewInstructions, Doc("Null and an empty text clear the instructions.")] | None = _ABSENT
    head_id: (
        Annotated[
            Id,
            Doc(
                "Any message of the conversation: the messages up to this one are shown from now on, and the next "
                "message follows it. `updated_at` stays as it is. A reply that is being generated goes on, and its end "
                "does not change what is shown."
            ),
        ]
        | None
    ) = None
    follow: (
        Annotated[
            bool, Doc("Whether the newest message below `head_id` is chosen, so that the branch is shown to its end.")
        ]
        | None
    ) = None

    def changes(self) -> ConversationChanges:
        """Returns the changes for the core, without the head."""
        return ConversationChanges(
            **asdict(self, filter=lambda field, value: field.name in SETTABLE_FIELDS and value is not field.default)
        )

    def head(self) -> HeadChoice | None:
        """Returns the choice of the head for the core; None to leave the head where it is."""
        return None if self.head_id is None else HeadChoice(MessageId(self.head_id), bool(self.follow))


# -- Operations ------------------------------------------------------------------------------------------------------

_REQUESTED = {"conversation_id": "$request.path.conversation_id"}
_FIRST_LISTED = {"conversation_id": "$response.body#/items/0/id"}
_FIRST_REPLY = {**_REQUESTED, "message_id": "$response.body#/messages/1/id"}
_CHANGED = documented_json(
    200,
    ConversationDocument,
    "The conversation with its changes.",
    links={"open": Link("openConversation", _REQUESTED, "Open the conversation.")},
)


@frozen(kw_only=True)
class ConversationEndpoints(SecuredEndpoints):
    """Manages a user's conversations."""

    conversations: Conversations
    models: Models
    bodies: BodyReader
    limits: InputLimits

    @secured(
        Operation(
            method="GET",
            path=paths.CONVERSATIONS,
            id="listConversations",
            query=PageQuery,
            responses=(
                documented_json(
                    200,
                    ConversationPageDocument,
                    "A page of conversations.",
                    links={
                        "open": Link("openConversation", _FIRST_LISTED, "Open the first conversation, or any other."),
                        "next": Link(
                            "listConversations",
                            {"cursor": "$response.body#/next_cursor"},
                            "Get the next page, if there is one.",
                        ),
                    },
                ),
            ),
        )
    )
    async def index(self, request: Request, caller: Caller) -> Response:
        """Lists the user's conversations, newest first, either the archived ones or the others."""
        query = decode_query(request.query_params, PageQuery)
        asked = query.page_request()
        page = await self.conversations.list(caller.user, asked)
        return page_response(page, asked, time_zone(query.tz))

    @secured(
        Operation(
            method="POST",
            path=paths.CONVERSATIONS,
            id="createConversation",
            body=NewConversationBody,
            responses=creation_responses("The new conversation."),
        )
    )
    async def create(self, request: Request, caller: Caller) -> Response:
        """Creates a conversation."""
        body = decode_body(await self.bodies.read(request), NewConversationBody, self.limits)
        values = asdict(body, filter=lambda field, _: field.name != "id")
        if body.id is None:
            return creation_response(Creation(await self.conversations.create(caller.user, **values), is_new=True))
        return creation_response(await self.conversations.create_once(caller.user, ConversationId(body.id), **values))

    @secured(
        Operation(
            method="GET",
            path=paths.CONVERSATION,
            id="openConversation",
            query=OpenQuery,
            responses=(
                documented_json(
                    200,
                    OpenConversationDocument,
                    "The conversation with its messages. A response that ends before the JSON document does was broken "
                    "off: the conversation was deleted meanwhile, or the service lost its database.",
                    links={
                        "follow": Link("followReply", _FIRST_REPLY, "Follow the first reply, or any other."),
                        "delete": Link("deleteMessage", _FIRST_REPLY, "Delete the first reply, or any other message."),
                        "previous": Link(
                            "openConversation",
                            {**_REQUESTED, "before": "$response.body#/previous_cursor"},
                            "Get the page with older messages, if there is one.",
                        ),
                    },
                ),
            ),
        )
    )
    async def show(self, request: Request, caller: Caller) -> ASGIApp:
        """Returns a conversation with its messages, or with a page of them."""
        id_ = conversation_id(request.path_params)
        query = decode_query(request.query_params, OpenQuery)
        if request.method == "HEAD":
            # The response has no body, so no message is read for it.
            await self.conversations.get(caller.user, id_)
            return json_head_response()
        if query.branches == "all":
            opened = await self.conversations.open_tree(caller.user, id_)
        else:
            opened = await self.conversations.open(caller.user, id_, query.path_request())
        return await open_conversation_response(opened, is_page=query.is_page)

    @secured(
        Operation(
            method="PUT",
            path=paths.CONVERSATION,
            id="renameConversation",
            body=RenameBody,
            responses=(_CHANGED,),
        )
    )
    async def rename(self, request: Request, caller: Caller) -> Response:
        """Renames a conversation."""
        id_ = conversation_id(request.path_params)
        body = decode_body(await self.bodies.read(request), RenameBody, self.limits)
        return await self._updated(caller, id_, body.changes())

    @secured(
        Operation(
            method="PATCH",
            path=paths.CONVERSATION,
            id="changeConversation",
            body=ChangesBody,
            responses=(_CHANGED,),
            problems=(502,),
        )
    )
    async def change(self, request: Request, caller: Caller) -> Response:
        """Changes the given fields of a conversation."""
        id_ = conversation_id(request.path_params)
        body = decode_body(await self.bodies.read(request), ChangesBody, self.limits)
        if body.model_tag is not None:
            await self._require_offered(body.model_tag, caller)
        return await self._updated(caller, id_, body.changes(), body.head())

    async def _require_offered(self, model_tag: str, caller: Caller) -> None:
        if model_tag != DEFAULT_MODEL_TAG and not await self.models.offers(model_tag, trace_id=caller.trace_id):
            raise InvalidInputError(FieldProblem("model_tag", "must be a model that the inference service lists"))

    async def _updated(
        self, caller: Caller, id_: ConversationId, changes: ConversationChanges, head: HeadChoice | None = None
    ) -> Response:
        return json_response(conversation_json(await self.conversations.update(caller.user, id_, changes, head)))

    @secured(
        Operation(
            method="DELETE",
            path=paths.CONVERSATION,
            id="deleteConversation",
            responses=(DocumentedResponse(status=204, description="The conversation was deleted."),),
        )
    )
    async def delete(self, request: Request, caller: Caller) -> Response:
        """Deletes a conversation and all its messages."""
        await self.conversations.delete(caller.user, conversation_id(request.path_params))
        return Response(status_code=204)

    @secured(
        Operation(
            method="DELETE",
            path=paths.CONVERSATIONS,
            id="deleteAllConversations",
            parameters=(CONFIRM_DELETE_ALL,),
            responses=(DocumentedResponse(status=204, description="The user has no conversations any more."),),
        )
    )
    async def delete_all(self, request: Request, caller: Caller) -> Response:
        """Deletes all conversations of the user; after a failure, a repeat deletes the rest."""
        require_confirmation(request, CONFIRM_DELETE_ALL)
        await self.conversations.delete_all(caller.user)
        return Response(status_code=204)
