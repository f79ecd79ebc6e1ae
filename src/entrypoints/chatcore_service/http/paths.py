"""Defines the paths of the API."""

from uuid import UUID

ROOT = "/"
HEALTH = "/api/health"
READY = "/api/ready"
METRICS = "/metrics"
OPENAPI = "/openapi.json"
DOCS = "/docs"
CONSOLE = "/console/"
CONSOLE_CONFIG = "/console/config"
CONSOLE_LOADING = "/console/loading.js"
CONSOLE_FILE = "/console/{digest}/{name:path}"
CONVERSATIONS = "/api/conversations"
CONVERSATION = CONVERSATIONS + "/{conversation_id}"
FORK = CONVERSATION + "/fork"
MESSAGES = CONVERSATION + "/messages"
MESSAGE = MESSAGES + "/{message_id}"
REGENERATE = CONVERSATION + "/regenerate"
REPLY_STREAM = MESSAGE + "/stream"
REPLY_CONTINUE = MESSAGE + "/continue"
REPLY_STOP = MESSAGE + "/stop"
EVENTS = "/api/events"
CHANGES = "/api/changes"
SEARCH = "/api/search"
EXPORT = "/api/export"
IMPORT = "/api/import"
MODELS = "/api/models"
SWAP = MODELS + "/swap"

#: Paths that a connection beyond the limit may request, so that probes find an overloaded process alive.
PROBES = frozenset({HEALTH, READY, METRICS})


def reply_stream(conversation_id: UUID, message_id: UUID) -> str:
    """Returns the path at which a reply can be followed."""
    return REPLY_STREAM.format(conversation_id=conversation_id, message_id=message_id)
