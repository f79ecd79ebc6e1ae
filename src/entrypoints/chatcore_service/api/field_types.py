"""Types of fields that several resources share."""

from typing import Annotated

from chatcore.conversations.conversation import require_model_tag, require_title
from chatcore.text import MAX_MODEL_TAG_CHARS, MAX_TITLE_CHARS
from chatcore_service.http.fields import Rule, storable_text

Title = Annotated[str, Rule(require_title), storable_text(MAX_TITLE_CHARS)]
ModelTag = Annotated[str, Rule(require_model_tag), storable_text(MAX_MODEL_TAG_CHARS)]
