"""The models port."""

from typing import Protocol, runtime_checkable

from attrs import frozen


@frozen(kw_only=True)
class ModelsDocument:
    """A document about models as the inference service wrote it, to be passed on unread."""

    #: Every byte of it; usually JSON.
    content: bytes
    media_type: str = "application/json"
    #: How the service took the request, in the codes of HTTP from 200 to 299, such as 202 for a swap under way.
    status: int = 200


@runtime_checkable
class Models(Protocol):
    """Lists and swaps the models of an inference service.

    The core itself does not need it; it is for an edge that passes on what the service says.

    Raises:
        InferenceUnreachableError, InferenceTimeoutError, InferenceInterruptedError: any method, if there is no answer.
        ModelsRefusedError: any method, if the service refuses; carries the service's document unread.
        InferenceRefusedError: any method, if the answer is too large, compressed, or no answer at all.
    """

    async def list_models(self, *, trace_id: str | None = None) -> ModelsDocument:
        """Returns the service's list of its models.

        Args:
            trace_id: is passed on to the service.
        """
        ...

    async def swap_model(self, model_tag: str, *, trace_id: str | None = None) -> ModelsDocument:
        """Asks the service to load another model, and returns what it says to that.

        Args:
            model_tag: names the model, as the service's list does.
            trace_id: is passed on to the service.
        """
        ...
