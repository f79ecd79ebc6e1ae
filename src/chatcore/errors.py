"""Defines all errors of the core.

All errors share one root. Each class has a stable machine code and carries the data that an adapter needs to answer::

    ChatError
    ├── InvalidInputError             a value breaks a rule; the error names each field
    ├── NotAuthenticatedError         the token is not valid
    ├── NotAdminError                 the user may not do this
    ├── NotFoundError                 the object is absent or another user's; both look the same
    │   ├── ConversationNotFoundError
    │   └── MessageNotFoundError
    ├── ConflictError                 the request does not fit the current state
    │   ├── CannotSwapError               the inference service cannot load another model
    │   └── GenerationInProgressError     the error carries the id of the running reply
    ├── NothingToRegenerateError      the conversation has no user message to answer
    ├── IdempotencyKeyReusedError     the key was used for another request
    ├── TooManyGenerationsError       the user's limit is reached
    └── UnavailableError              a retry may succeed; the error carries the seconds to wait
        ├── DrainingError                 this process is shutting down
        ├── StorageUnavailableError
        │   └── StorageNotReadyError          an operator has to change the storage; the sentence says how
        ├── AuthUnavailableError
        │   └── AuthKeyRefusedError       our own key is wrong
        └── InferenceError                the error carries the ReplyError that readers see
            ├── InferenceUnreachableError
            ├── InferenceRefusedError
            │   ├── ContextTooLongError       the conversation is too long for the model
            │   ├── InferenceKeyRefusedError  our own key is wrong
            │   └── ModelsRefusedError        the error carries the inference service's own document
            ├── InferenceTimeoutError
            └── InferenceInterruptedError

Adapters translate their libraries' exceptions into these errors and keep the cause (``raise … from``).
"""

from typing import ClassVar
from uuid import UUID

from attrs import frozen

from chatcore.reply_error import ReplyError


@frozen
class FieldProblem:
    """A problem with one field of a request."""

    #: The name of the field as the caller wrote it, dotted if nested; empty for the request as a whole.
    field: str
    #: A sentence fragment, such as ``must be at most 8000 characters``.
    problem: str


class ChatError(Exception):
    """Serves as the root of all errors of the core; ``str()`` gives one sentence that is safe to show to the caller."""

    #: The stable machine code; each subclass has its own.
    code: ClassVar[str] = "chat_error"
    #: The default text of ``str()``; an instance may have its own sentence.
    sentence: ClassVar[str] = "The request could not be carried out."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class InvalidInputError(ChatError):
    """Reports values that break rules of the domain. Nothing was stored."""

    code = "invalid_input"

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__("; ".join(f"{p.field} {p.problem}".strip() for p in problems) + ".")
        #: All problems that were found; at least one.
        self.problems = problems


class NotAuthenticatedError(ChatError):
    """Reports that the request has no valid proof of who calls, such as a bearer token."""

    code = "not_authenticated"
    sentence = "A valid bearer token is required."


class NotAdminError(ChatError):
    """Reports that an authenticated user is not an administrator."""

    code = "not_admin"
    sentence = "Only an administrator may do this."


class NotFoundError(ChatError):
    """Reports that an object does not exist for this user.

    An object of another user deliberately gives the same error, so that a caller cannot probe for ids.
    """

    code = "not_found"
    sentence = "There is nothing here."


class ConversationNotFoundError(NotFoundError):
    """Reports that this user has no conversation with this id."""

    code = "conversation_not_found"
    sentence = "There is no such conversation."


class MessageNotFoundError(NotFoundError):
    """Reports that the conversation has no message with this id, or no reply where a reply is required."""

    code = "message_not_found"
    sentence = "There is no such message."


class ConflictError(ChatError):
    """Reports that a well-formed request does not fit the current state."""

    code = "conflict"


class GenerationInProgressError(ConflictError):
    """Reports that a reply is already being generated; a conversation has at most one at a time."""

    code = "generation_in_progress"
    sentence = "A reply is already being generated in this conversation."

    def __init__(self, conversation_id: UUID, message_id: UUID) -> None:
        super().__init__()
        self.conversation_id = conversation_id
        #: The id of the reply that is being generated; the caller can follow that reply.
        self.message_id = message_id


class CannotContinueError(ConflictError):
    """Reports that the inference service cannot go on from the beginning of its own answer."""

    code = "cannot_continue"
    sentence = "The model cannot continue its replies."


class NotContinuableError(ConflictError):
    """Reports that a reply has messages below it, or has not ended in a way that leaves more to say."""

    code = "not_continuable"
    sentence = "This reply cannot be continued."


class CannotSwapError(ConflictError):
    """Reports that the inference service cannot be asked to load another model."""

    code = "cannot_swap"
    sentence = "The inference service cannot load another model on request."


class NothingToRegenerateError(ChatError):
    """Reports that the conversation has no user message to answer."""

    code = "nothing_to_regenerate"
    sentence = "This conversation has no message to answer."


class IdempotencyKeyReusedError(ChatError):
    """Reports that the user sent this idempotency key before, with a different request."""

    code = "idempotency_key_reused"
    sentence = "This idempotency key was already used for a different request."


class TooManyGenerationsError(ChatError):
    """Reports that the user has reached the limit of replies generated at once."""

    code = "too_many_generations"
    sentence = "Too many replies are being generated for this user."

    def __init__(self, limit: int, retry_after_seconds: int = 5) -> None:
        super().__init__()
        self.limit = limit
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(ChatError):
    """Reports that something the request needs is unavailable; the same request may succeed later."""

    code = "unavailable"
    sentence = "The service is temporarily unavailable."
    #: The time after which the caller should retry, in whole seconds.
    retry_after_seconds: int = 2


class DrainingError(UnavailableError):
    """Reports that this process is shutting down and starts no new replies; another replica will."""

    code = "draining"
    sentence = "This replica is shutting down."
    retry_after_seconds = 1


class StorageUnavailableError(UnavailableError):
    """Reports that the storage cannot be reached, is overloaded or refuses to write.

    The failed write may have taken effect unless `is_in_doubt` is false. Every writing method of the storage port can
    be repeated with the same arguments.
    """

    code = "storage_unavailable"
    sentence = "The database is temporarily unavailable."

    def __init__(self, sentence: str | None = None, *, is_in_doubt: bool = True) -> None:
        super().__init__(sentence)
        #: Whether the write may have taken effect, and only its confirmation was lost.
        self.is_in_doubt = is_in_doubt


class StorageNotReadyError(StorageUnavailableError):
    """Reports that the storage answers, but cannot serve until an operator has changed it; the sentence says how.

    The class keeps its parent's code, because a caller can only retry later in both cases.
    """

    sentence = "The database is not ready."


class AuthUnavailableError(UnavailableError):
    """Reports that the auth service gave no usable answer. Access is refused in that case."""

    code = "auth_unavailable"
    sentence = "The auth service is temporarily unavailable."


class AuthKeyRefusedError(AuthUnavailableError):
    """Reports that the auth service refuses our own key, which only an operator can mend.

    The class keeps its parent's code and sentence, because our key is no concern of the caller's.
    """


class InferenceError(UnavailableError):
    """Reports that the inference service failed."""

    #: The error that readers of the reply see. A subclass in an adapter may have another `code` with the same error.
    reply_error: ClassVar[ReplyError] = ReplyError.INFERENCE_ERROR
    code = reply_error.value
    sentence = "The inference service failed."


class InferenceUnreachableError(InferenceError):
    """Reports that no connection to the inference service could be made."""

    reply_error = ReplyError.INFERENCE_UNREACHABLE
    code, sentence = reply_error.value, reply_error.sentence


class InferenceRefusedError(InferenceError):
    """Reports that the inference service answered with an error, or with data that is not a reply."""

    reply_error = ReplyError.INFERENCE_ERROR
    code, sentence = reply_error.value, reply_error.sentence


class ContextTooLongError(InferenceRefusedError):
    """Reports that the conversation is too long for the model."""

    reply_error = ReplyError.CONTEXT_TOO_LONG
    code, sentence = reply_error.value, reply_error.sentence


class InferenceKeyRefusedError(InferenceRefusedError):
    """Reports that the inference service refuses our own key, which only an operator can mend."""

    code = "inference_key_refused"
    sentence = "The inference service refused this service."


class ModelsRefusedError(InferenceRefusedError):
    """Reports that the inference service refused to list or swap models, and carries the service's document unread.

    The class keeps its parent's code, because an entry point answers with the document and not with a code.
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
        #: All bytes of the document, which is usually JSON.
        self.content = content
        self.media_type = media_type
        #: The status of the refusal, an HTTP status code from 300 to 599, but never 401 or 403, which concern our key.
        self.status = status
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds


class InferenceTimeoutError(InferenceError):
    """Reports that the inference service sent nothing for too long."""

    reply_error = ReplyError.INFERENCE_TIMEOUT
    code, sentence = reply_error.value, reply_error.sentence


class InferenceInterruptedError(InferenceError):
    """Reports that the reply broke off before its closing frame."""

    reply_error = ReplyError.INFERENCE_INTERRUPTED
    code, sentence = reply_error.value, reply_error.sentence
