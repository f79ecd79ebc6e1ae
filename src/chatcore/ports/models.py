"""Defines the models port."""

from typing import Protocol, runtime_checkable

from attrs import frozen


@frozen(kw_only=True)
class ModelsDocument:
    """A document about models as the inference service wrote it, to be passed on unread.

    The API promises the service's answer unchanged, so the document keeps its media type and its status.
    """

    #: All bytes of the document, which is usually JSON.
    content: bytes
    media_type: str = "application/json"
    #: The status of the answer, an HTTP status code from 200 to 299, such as 202 for a swap in progress.
    status: int = 200


@runtime_checkable
class Models(Protocol):
    """Lists and swaps the models of an inference service.

    The core itself does not use this port; an entry point uses it to pass on the service's answers, and to check the
    model that a user chooses for a conversation.

    Raises:
        InferenceUnreachableError, InferenceTimeoutError, InferenceInterruptedError: from every method, if there is no
            answer.
        InferenceKeyRefusedError: from every method, if the service refuses our own key; the service's answer is not
            passed on.
        ModelsRefusedError: from every method, if the service refuses; the error carries the service's document unread.
        InferenceRefusedError: from every method, if the answer is too large, compressed or not valid.
    """

    async def list_models(self, *, trace_id: str | None = None) -> ModelsDocument:
        """Returns the service's list of its models.

        Args:
            trace_id: the id of the trace, which is passed on to the service.
        """
        ...

    async def offers(self, model_tag: str, *, trace_id: str | None = None) -> bool:
        """Returns whether a conversation may name this model.

        Where requests for a reply name no model, `model_tag` is a label of its owner, and every one may be used.

        Args:
            model_tag: the name of the model, as in the service's list.
            trace_id: the id of the trace, which is passed on to the service.
        """
        ...

    async def swap_model(self, model_tag: str, *, trace_id: str | None = None) -> ModelsDocument:
        """Asks the service to load another model, and returns the service's answer.

        Args:
            model_tag: the name of the model, as in the service's list.
            trace_id: the id of the trace, which is passed on to the service.

        Raises:
            CannotSwapError: the service takes no such requests.
        """
        ...
