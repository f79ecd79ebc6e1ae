"""Defines the interface between the client, which speaks HTTP, and the protocol of an inference service."""

from collections.abc import Mapping
from typing import Protocol

import httpx

from chatcore.ports import InferenceRequest
from chatcore_inference.http.event_reader import EventReader


class WireProtocol(Protocol):
    """Builds the requests to an inference service and provides the reader of its events.

    A reply is requested by POST with a JSON body and arrives as server-sent events; models are listed by GET and
    swapped by POST with a JSON body.
    """

    #: Paths below the service's URL, without a leading slash.
    generate_path: str
    models_path: str
    #: Whether a request for a reply names the model, by one of the names in the service's list.
    names_models: bool
    #: Whether the service can go on from the beginning of its own answer.
    can_continue: bool

    def authorize(self, headers: httpx.Headers, key: str) -> None:
        """Adds the key that identifies us to the service to a request's headers."""
        ...

    def trace_headers(self, trace_id: str | None) -> Mapping[str, str]:
        """Returns the headers that carry a trace id."""
        ...

    def generate_headers(self, request: InferenceRequest) -> list[tuple[bytes, bytes]]:
        """Returns the headers of one request for a reply, in addition to those that all requests share."""
        ...

    def generate_body(self, request: InferenceRequest) -> bytes:
        """Returns the body of a request for a reply, within the service's limits."""
        ...

    def swap_request(self, model_tag: str) -> tuple[str, bytes]:
        """Returns the path and the body of a request to load another model.

        Raises:
            CannotSwapError: the service takes no such requests.
        """
        ...

    def model_names(self, document: bytes) -> frozenset[str]:
        """Returns the names in the service's list of models. The client asks only if `names_models`.

        Raises:
            InferenceRefusedError: the document is no list of models.
        """
        ...

    def event_reader(self, request: InferenceRequest) -> EventReader:
        """Returns the reader for the events of one reply."""
        ...
