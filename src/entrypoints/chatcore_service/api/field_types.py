"""Defines the types of fields whose limits are settings, or that several resources share."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from chatcore_service.http.fields import Doc, Keywords, Limited, Rule, storable_text
from chatcore_service.http.ids import UUID_PATTERN


def _unless_empty(require: Callable[[str], str]) -> Rule:
    return Rule(lambda value: value and require(value))


# The format alone does not bind: validators may take any text.
Id = Annotated[UUID, Keywords(pattern=UUID_PATTERN)]
NewConversationId = Annotated[
    Id,
    Doc(
        "The id of the new conversation, if the client chooses it. If the user has a conversation with this id, "
        "nothing is created or changed, and the response is 200 with that conversation, so that a client can repeat "
        "the request. Without `id`, the service chooses one."
    ),
]
Title = Annotated[str, Limited(lambda limits: (Rule(limits.require_title), storable_text(limits.max_title_chars)))]
ModelTag = Annotated[
    str, Limited(lambda limits: (Rule(limits.require_model_tag), storable_text(limits.max_model_tag_chars)))
]
# An empty text of a new conversation counts as missing.
NewTitle = Annotated[
    str,
    Limited(lambda limits: (_unless_empty(limits.require_title), storable_text(limits.max_title_chars, min_chars=0))),
]
NewModelTag = Annotated[
    str,
    Limited(
        lambda limits: (_unless_empty(limits.require_model_tag), storable_text(limits.max_model_tag_chars, min_chars=0))
    ),
]
Content = Annotated[
    str, Limited(lambda limits: (Rule(limits.require_content), storable_text(limits.max_content_chars)))
]
Instructions = Annotated[
    str, Limited(lambda limits: (Rule(limits.require_instructions), storable_text(limits.max_content_chars)))
]
# An empty text stands for no instructions.
NewInstructions = Annotated[
    str,
    Limited(
        lambda limits: (
            _unless_empty(limits.require_instructions),
            storable_text(limits.max_content_chars, min_chars=0),
        )
    ),
]
Temperature = Annotated[
    float,
    Limited(lambda limits: (Rule(limits.require_temperature), Keywords(minimum=0, maximum=limits.max_temperature))),
]
MaxTokens = Annotated[
    int, Limited(lambda limits: (Rule(limits.require_max_tokens), Keywords(minimum=1, maximum=limits.max_tokens)))
]
