"""Defines the bodies of requests that begin a reply."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from attrs import asdict, frozen

from chatcore import MessageId, OnBusy, Sampling
from chatcore.conversations.changes import UNSET, Unset
from chatcore.replies.sampling import MAX_TOP_K
from chatcore_service.api.field_types import Content, Id, MaxTokens, Temperature
from chatcore_service.http.fields import Doc, Keywords, Rule

# The value of a parent that is absent, where null stands for the root.
_ABSENT: Any = UNSET

TopK = Annotated[int, Rule(lambda value: Sampling(top_k=value)), Keywords(minimum=0, maximum=MAX_TOP_K)]
OnBusyField = Annotated[
    OnBusy,
    Doc(
        "What happens while a reply is being generated in the conversation. `reject`: the request is refused with 409. "
        "`interrupt`: the reply is stopped and keeps its text; a message then follows it, and a regeneration adds "
        "another reply beside it. Without a value, the service's setting `SEND_ON_BUSY` decides."
    ),
]


@frozen(kw_only=True)
class SamplingBody:
    """What every request for text of a model may say; the service's defaults replace omitted values."""

    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    top_k: TopK | None = None

    def sampling(self, defaults: Sampling, passed: Mapping[str, object]) -> Sampling:
        """Returns the parameters for the reply."""
        return Sampling(
            temperature=defaults.temperature if self.temperature is None else self.temperature,
            max_tokens=defaults.max_tokens if self.max_tokens is None else self.max_tokens,
            top_k=defaults.top_k if self.top_k is None else self.top_k,
            passed=passed,
        )

    def as_sent(self) -> dict[str, object]:
        """Returns the body as its sender wrote it, to which an idempotency key is bound."""
        return asdict(self)


@frozen(kw_only=True)
class NewReplyBody(SamplingBody):
    """What every request for a new reply may say."""

    on_busy: OnBusyField | None = None

    def as_sent(self) -> dict[str, object]:
        """Returns the body as its sender wrote it, to which an idempotency key is bound."""
        # The core binds a key to the place in the tree itself.
        sent = asdict(self, filter=lambda field, _: field.name not in {"parent_id", "message_id"})
        if self.on_busy is None:
            # Keys that a version without this field recorded are bound to bodies without it.
            del sent["on_busy"]
        return sent


@frozen(kw_only=True)
class RegenerationBody(NewReplyBody):
    """The reply to generate anew, with the sampling parameters of the new one."""

    message_id: (
        Annotated[
            Id,
            Doc(
                "Any message of the conversation: the reply beside which the new one stands, or the user's message "
                "that the new one answers. Without a value, the new reply stands beside the last one of the active "
                "branch. What was shown before is shown again unless the new reply is complete or was stopped by its "
                "user, and has something to see."
            ),
        ]
        | None
    ) = None

    @property
    def replaced_id(self) -> MessageId | None:
        """Returns the id of the message for the core."""
        return None if self.message_id is None else MessageId(self.message_id)


@frozen(kw_only=True)
class ContinuationBody(SamplingBody):
    """The sampling parameters of the rest of a reply."""


@frozen(kw_only=True)
class NewMessageBody(NewReplyBody):
    """A message to send, with the sampling parameters of the reply."""

    content: Content
    parent_id: (
        Annotated[
            Id,
            Doc(
                "The message of the conversation that the new one follows, null for none: the new one becomes a first "
                "message. Without the field, the new message follows the active branch. A message with the `parent_id` "
                "of another is an edit of that one. A message whose parent is a failed reply takes the place of that "
                "reply and follows the reply's own parent."
            ),
        ]
        | None
    ) = _ABSENT

    @property
    def followed_id(self) -> MessageId | Unset | None:
        """Returns the id of the parent for the core."""
        return MessageId(self.parent_id) if isinstance(self.parent_id, UUID) else self.parent_id
