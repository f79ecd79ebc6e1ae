"""Defines the reasons for an incomplete reply that its readers see."""

from enum import StrEnum


class ReplyError(StrEnum):
    """Tells readers why a reply is not complete."""

    INFERENCE_UNREACHABLE = "inference_unreachable"
    INFERENCE_ERROR = "inference_error"
    INFERENCE_TIMEOUT = "inference_timeout"
    INFERENCE_INTERRUPTED = "inference_interrupted"
    CONTEXT_TOO_LONG = "context_too_long"
    STOPPED = "stopped"

    @property
    def sentence(self) -> str:
        """Returns the reason in one sentence, for a person to read."""
        return _SENTENCES[self]


_SENTENCES = {
    ReplyError.INFERENCE_UNREACHABLE: "The inference service could not be reached.",
    ReplyError.INFERENCE_ERROR: "The inference service answered with an error.",
    ReplyError.INFERENCE_TIMEOUT: "The inference service stopped sending.",
    ReplyError.INFERENCE_INTERRUPTED: "The reply broke off before its end.",
    ReplyError.CONTEXT_TOO_LONG: "The conversation is too long for the model.",
    ReplyError.STOPPED: "The reply was stopped by the user.",
}
