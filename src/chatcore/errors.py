"""Every way in which the core says no.

One root, a small set of stable machine codes, and the data an edge needs to answer well::

    ChatError
    ├── InvalidInputError             a value breaks a rule; names each field
    ├── NotAuthenticatedError         the token is not valid
    ├── NotAdminError                 the user may not do this
    ├── NotFoundError                 absent, or somebody else's: nobody can tell which
    │   ├── ConversationNotFoundError
    │   └── MessageNotFoundError
    ├── ConflictError                 the request does not fit the present state
    │   ├── GenerationInProgressError     carries the running reply
    │   └── NothingToRegenerateError
    ├── IdempotencyKeyReusedError     the key was used for another request
    ├── TooManyGenerationsError       the user's limit is reached
    └── UnavailableError              try again later; carries when
        ├── DrainingError                 this process is shutting down
        ├── StorageUnavailableError
        ├── AuthUnavailableError
        └── InferenceError                carries the error that readers of a reply see
            ├── InferenceUnreachableError
            ├── InferenceRefusedError
            │   └── ModelsRefusedError        carries the inference service's own document
            ├── InferenceTimeoutError
            └── InferenceInterruptedError

Adapters translate their library's exceptions into these and keep the cause (``raise … from``).
"""

from typing import ClassVar
from uuid import UUID

from attrs import frozen

from chatcore.reply_error import ReplyError


@frozen
class FieldProblem:
    """What is wrong with one field of a request."""

    #: Name of the field as the caller wrote it, dotted where nested; empty for the request as a whole.
    field: str
    #: One sentence fragment, such as ``must be at most 8000 characters``.
    problem: str


class ChatError(Exception):
    """Root of all errors the core raises; ``str()`` is one clear sentence, safe to show to the caller."""

    #: Stable machine code; each subclass has its own.
    code: ClassVar[str] = "chat_error"
    #: What ``str()`` gives when the class needs no data to explain itself.
    sentence: ClassVar[str] = "The request could not be carried out."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class InvalidInputError(ChatError):
    """A value breaks a rule of the domain. Nothing was stored."""

    code = "invalid_input"

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__("; ".join(f"{p.field} {p.problem}".strip() for p in problems) + ".")
        #: Every problem found, at least one.
        self.problems = problems


class NotAuthenticatedError(ChatError):
    """The auth service does not accept the token, or there is none."""

    code = "not_authenticated"
    sentence = "A valid bearer token is required."


class NotAdminError(ChatError):
    """The user is known but is not an administrator."""

    code = "not_admin"
    sentence = "Only an administrator may do this."


class NotFoundError(ChatError):
    """The thing does not exist or belongs to somebody else; the two are deliberately the same answer."""

    code = "not_found"
    sentence = "There is nothing here."


class ConversationNotFoundError(NotFoundError):
    """No conversation of this user has this id."""

    code = "conversation_not_found"
    sentence = "There is no such conversation."


class MessageNotFoundError(NotFoundError):
    """No message of this user's conversation, or no reply where one is asked for, has this id."""

    code = "message_not_found"
    sentence = "There is no such message."


class ConflictError(ChatError):
    """The request is well-formed but does not fit the present state."""

    code = "conflict"


class GenerationInProgressError(ConflictError):
    """The conversation already has a reply in the making; there is at most one."""

    code = "generation_in_progress"
    sentence = "A reply is already being generated in this conversation."

    def __init__(self, conversation_id: UUID, message_id: UUID) -> None:
        super().__init__()
        self.conversation_id = conversation_id
        #: The reply that is being generated; it can be followed.
        self.message_id = message_id


class NothingToRegenerateError(ConflictError):
    """The conversation has no user message that could be answered."""

    code = "nothing_to_regenerate"
    sentence = "This conversation has no message to answer."


class IdempotencyKeyReusedError(ChatError):
    """The user sent this idempotency key before, with another request."""

    code = "idempotency_key_reused"
    sentence = "This idempotency key was already used for a different request."


class TooManyGenerationsError(ChatError):
    """The user has as many replies in the making as are allowed at once."""

    code = "too_many_generations"
    sentence = "Too many replies are being generated for this user."

    def __init__(self, limit: int, retry_after_seconds: int = 5) -> None:
        super().__init__()
        self.limit = limit
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(ChatError):
    """Something that the request needs is away; the same request may succeed later."""

    code = "unavailable"
    sentence = "The service is temporarily unavailable."
    #: Whole seconds after which another try makes sense.
    retry_after_seconds: int = 2


class DrainingError(UnavailableError):
    """This process is shutting down and starts no new replies; another replica will."""

    code = "draining"
    sentence = "This replica is shutting down."
    retry_after_seconds = 1


class StorageUnavailableError(UnavailableError):
    """The storage cannot be reached, is overloaded or refuses to write.

    A write that failed with this may have taken effect, unless it says that it has not; every writing method of the
    storage port may be repeated with the same arguments.
    """

    code = "storage_unavailable"
    sentence = "The database is temporarily unavailable."

    def __init__(self, sentence: str | None = None, *, is_in_doubt: bool = True) -> None:
        super().__init__(sentence)
        #: Whether what was asked for may have been done all the same, and only the answer was lost.
        self.is_in_doubt = is_in_doubt


class AuthUnavailableError(UnavailableError):
    """The auth service gave no usable answer. Nobody is let in on a guess."""

    code = "auth_unavailable"
    sentence = "The auth service is temporarily unavailable."


class InferenceError(UnavailableError):
    """The inference service failed."""

    #: Which of the errors that readers know this is. An adapter's own subclass may have a code beside it.
    reply_error: ClassVar[ReplyError] = ReplyError.INFERENCE_ERROR
    code = reply_error.value
    sentence = "The inference service failed."


class InferenceUnreachableError(InferenceError):
    """No connection to the inference service could be made."""

    reply_error = ReplyError.INFERENCE_UNREACHABLE
    code, sentence = reply_error.value, reply_error.sentence


class InferenceRefusedError(InferenceError):
    """The inference service answered with an error, or with something that is not a reply."""

    reply_error = ReplyError.INFERENCE_ERROR
    code, sentence = reply_error.value, reply_error.sentence


class ModelsRefusedError(InferenceRefusedError):
    """The inference service refused to list or swap models; its document is passed on unread.

    It has its parent's code, because an edge answers with the document and not with a code.
    """

    def __init__(
        self,
        content: bytes,
        *,
        status: int,
        media_type: str = "application/json",
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__()
        #: Every byte of the document; usually JSON.
        self.content = content
        self.media_type = media_type
        #: How the service refused, in the codes of HTTP from 300 to 599.
        self.status = status
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds


class InferenceTimeoutError(InferenceError):
    """The inference service was silent for too long."""

    reply_error = ReplyError.INFERENCE_TIMEOUT
    code, sentence = reply_error.value, reply_error.sentence


class InferenceInterruptedError(InferenceError):
    """The reply broke off before its closing frame."""

    reply_error = ReplyError.INFERENCE_INTERRUPTED
    code, sentence = reply_error.value, reply_error.sentence
