"""Defines the types of fields that several resources share."""

from collections.abc import Callable
from typing import Annotated

from chatcore.conversations.conversation import require_model_tag, require_title
from chatcore.text import MAX_MODEL_TAG_CHARS, MAX_TITLE_CHARS
from chatcore_service.http.fields import Rule, storable_text


def _unless_empty(require: Callable[[str], str]) -> Rule:
    return Rule(lambda value: value and require(value))


Title = Annotated[str, Rule(require_title), storable_text(MAX_TITLE_CHARS)]
ModelTag = Annotated[str, Rule(require_model_tag), storable_text(MAX_MODEL_TAG_CHARS)]
# An empty text of a new conversation counts as missing.
NewTitle = Annotated[str, _unless_empty(require_title), storable_text(MAX_TITLE_CHARS, min_chars=0)]
NewModelTag = Annotated[str, _unless_empty(require_model_tag), storable_text(MAX_MODEL_TAG_CHARS, min_chars=0)]
