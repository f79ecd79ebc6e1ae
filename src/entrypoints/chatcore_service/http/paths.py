"""Defines the paths of the API."""

from uuid import UUID

ROOT = "/"
HEALTH = "/api/health"
READY = "/api/ready"
METRICS = "/metrics"
OPENAPI = "/openapi.json"
DOCS = "/docs"
CONVERSATIONS = "/api/conversations"
CONVERSATION = CONVERSATIONS + "/{conversation_id}"
FORK = CONVERSATION + "/fork"
MESSAGES = CONVERSATION + "/messages"
REGENERATE = CONVERSATION + "/regenerate"
REPLY_STREAM = MESSAGES + "/{message_id}/stream"
REPLY_CONTINUE = MESSAGES + "/{message_id}/continue"
REPLY_STOP = MESSAGES + "/{message_id}/stop"
MODELS = "/api/models"
SWAP = MODELS + "/swap"

#: Paths that a connection beyond the limit may request, so that probes find an overloaded process alive.
PROBES = frozenset({HEALTH, READY, METRICS})


def reply_stream(conversation_id: UUID, message_id: UUID) -> str:
    """Returns the path at which a reply can be followed."""
    return REPLY_STREAM.format(conversation_id=conversation_id, message_id=message_id)
