"""What schemathesis is told beyond the document; it loads this file itself."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

from chatcore.sync.watermark import FEED_ID_PATTERN
from chatcore_service.http import paths
from tests.integration.fuzzing.schemathesis_run import EXAMPLES, FOREIGN_TEXTS
from tests.integration.known_users import TOKEN_OF_THE_LEAVER, USERS

_foreign_texts: list[str] = json.loads(os.environ.get(FOREIGN_TEXTS, "[]"))
_examples: dict[str, str] = json.loads(os.environ.get(EXAMPLES, "{}"))

# From a stream to its reply; in the document itself no link can take a part of a header.
_REPLY_OF_STREAM = {
    "conversation_id": "$request.path.conversation_id",
    "message_id": "$response.header.Content-Location#regex:/messages/(.+)/stream",
}
_LINKS_OF_A_STREAM = {
    operation_id: {"operationId": operation_id, "parameters": _REPLY_OF_STREAM}
    for operation_id in ("followReply", "stopReply", "continueReply")
}

# Why a request that fits its schema is refused, by its operation: codes, and fields that name what there is not.
_CODES = {
    # JSON lines have no schema.
    f"POST {paths.IMPORT}": {"unknown_format"},
    f"POST {paths.MESSAGES}": {"idempotency_key_reused"},
    f"POST {paths.REPLY_CONTINUE}": {"idempotency_key_reused"},
    f"POST {paths.REGENERATE}": {"idempotency_key_reused", "nothing_to_regenerate"},
}
_FIELDS = {
    f"GET {paths.CONVERSATIONS}": "tz",
    f"GET {paths.CONVERSATION}": "before",
    f"PATCH {paths.CONVERSATION}": "head_id",
    f"POST {paths.FORK}": "message_id",
    f"POST {paths.MESSAGES}": "parent_id",
    f"POST {paths.REGENERATE}": "message_id",
}


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Adds what leads to real things."""
    del context
    for name, example in _examples.items():
        raw_schema["components"]["parameters"][name]["example"] = example
    for path in (paths.MESSAGES, paths.REGENERATE, paths.REPLY_CONTINUE):
        raw_schema["paths"][path]["post"]["responses"]["200"]["links"] = _LINKS_OF_A_STREAM


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Keeps what the other operations work on.

    Only a user who has nothing else deletes everything, and the conversation of the examples is deleted by nobody.
    """
    del context, kwargs
    token = str(case.headers.get("Authorization", "")).removeprefix("Bearer ")
    if case.operation.label == f"DELETE {paths.CONVERSATIONS}" and token in USERS:
        case.headers["Authorization"] = f"Bearer {TOKEN_OF_THE_LEAVER}"
    ids = case.path_parameters
    if case.operation.label == f"DELETE {paths.CONVERSATION}" and ids.get("conversation_id") in _examples.values():
        ids["conversation_id"] = str(UUID(int=0))


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Drops the failures that contradict the contract.

    A key that comes again with another body is refused with 422, says the contract, and so are a cursor that names no
    place in the conversation, an id in a body that names no message of it, and a name that no time zone has; a
    regeneration in a conversation without messages is refused with 400. That is no property of a request by itself, so
    no schema can tell such a request from a valid one. As an id of a feed, schemathesis takes one of a reply for valid,
    because the headers have the same name.
    """
    del context
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem, operation = response.json(), case.operation.label
    if operation == f"GET {paths.EVENTS}" and problem["code"] == "malformed_event_id":
        return bool(re.fullmatch(FEED_ID_PATTERN, str(response.request.headers["Last-Event-ID"])))
    named = [error["field"] for error in problem.get("errors", ())]
    is_allowed = problem["code"] in _CODES.get(operation, ()) or named == [_FIELDS.get(operation)]
    return not is_allowed


@schemathesis.check
def only_the_callers_own_things_are_shown(_ctx: CheckContext, response: Response, _case: Case[Any]) -> None:
    """Checks that everything in a response that has an owner is the caller's."""
    owners, caller = set(_owners(_json(response))), _caller(response)
    assert owners <= {caller}, f"{caller} was shown what belongs to {owners}"


@schemathesis.check
def nothing_of_another_user_is_shown(_ctx: CheckContext, response: Response, _case: Case[Any]) -> None:
    """Checks that no response holds the text or an id of another user."""
    shown = response.content.decode(errors="replace") + str(dict(response.headers))
    assert not [text for text in _foreign_texts if text in shown]


@schemathesis.check
def nobody_gets_in_without_a_token(_ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Checks that a secured operation without a token answers 401, whatever else is wrong with the request."""
    is_the_operation = response.request.method == case.operation.method.upper()
    if _caller(response) is None and is_the_operation and _is_secured(case):
        # A path parameter can make another path of it.
        assert response.status_code in {401, 404}, response.status_code


def _caller(response: Response) -> str | None:
    return USERS.get(str(response.request.headers.get("Authorization", "")).removeprefix("Bearer "))


def _is_secured(case: Case[Any]) -> bool:
    return bool(case.operation.definition.raw.get("security") != [])


def _json(response: Response) -> Any:  # noqa: ANN401 - as it is in JSON
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _owners(value: object) -> Iterator[str]:
    match value:
        case dict():
            for name, part in value.items():
                if name == "user_id":
                    yield part
                else:
                    yield from _owners(part)
        case list():
            for part in value:
                yield from _owners(part)
