"""Where a response leads: which of its values the next operation takes."""

from chatcore_service.openapi.schemas import Schema

_CONVERSATION_OF_REQUEST = {"conversation_id": "$request.path.conversation_id"}
_REPLY_OF_TURN = {**_CONVERSATION_OF_REQUEST, "message_id": "$response.body#/assistant_message/id"}


def _link(operation_id: str, parameters: dict[str, str], description: str) -> Schema:
    return {"operationId": operation_id, "parameters": parameters, "description": description}


def _conversation_links(conversation_id: str) -> Schema:
    parameters = {"conversation_id": conversation_id}
    return {
        "open": _link("openConversation", parameters, "Open the conversation."),
        "rename": _link("renameConversation", parameters, "Rename the conversation."),
        "delete": _link("deleteConversation", parameters, "Delete the conversation."),
        "send": _link("sendMessage", parameters, "Send a message."),
        "regenerate": _link("regenerateReply", parameters, "Have the last message answered anew."),
    }


#: From a conversation that was just made.
FROM_CONVERSATION = _conversation_links("$response.body#/id")

#: From a conversation that was renamed.
FROM_RENAMED: Schema = {"open": _link("openConversation", _CONVERSATION_OF_REQUEST, "Open the conversation.")}

#: From a page of conversations.
FROM_PAGE: Schema = {
    "open": _link(
        "openConversation",
        {"conversation_id": "$response.body#/items/0/id"},
        "Open the first conversation; so for the others.",
    ),
    "next": _link("listConversations", {"cursor": "$response.body#/next_cursor"}, "The next page, if there is one."),
}

#: From a turn that was accepted.
FROM_TURN: Schema = {
    "follow": _link("followReply", _REPLY_OF_TURN, "Follow the reply."),
    "stop": _link("stopReply", _REPLY_OF_TURN, "Stop the reply."),
    "open": _link("openConversation", _CONVERSATION_OF_REQUEST, "Open the conversation."),
}

#: From a conversation with a message: the second is the first reply.
FROM_OPEN_CONVERSATION: Schema = {
    "follow": _link(
        "followReply",
        {**_CONVERSATION_OF_REQUEST, "message_id": "$response.body#/messages/1/id"},
        "Read the first reply; so for the others.",
    ),
}
