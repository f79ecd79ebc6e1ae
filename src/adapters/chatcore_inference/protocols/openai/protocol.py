"""Speaks the protocol of OpenAI's chat completions."""

from collections.abc import Mapping

import httpx

from chatcore.errors import CannotSwapError
from chatcore.ports import InferenceRequest
from chatcore_inference.http.event_reader import EventReader
from chatcore_inference.protocols.openai.chunks import OpenAiEventReader
from chatcore_inference.protocols.openai.models_list import model_names
from chatcore_inference.protocols.openai.request_body import Continuation, request_body
from chatcore_inference.protocols.wire_protocol import WireProtocol


class OpenAiProtocol(WireProtocol):
    """Builds requests for an OpenAI-compatible server, and writes frames of our format for its chunks.

    Args:
        model: the model of conversations that name none; None leaves the choice to the server.
        continuation: how the server is asked to go on from its own text.
        sends_top_k: whether the server takes `top_k`.
    """

    generate_path = "chat/completions"
    models_path = "models"
    names_models = True

    def __init__(
        self,
        model: str | None = None,
        *,
        continuation: Continuation = Continuation.NONE,
        sends_top_k: bool = False,
    ) -> None:
        self._model = model
        self._continuation = continuation
        self._sends_top_k = sends_top_k
        self.can_continue = continuation is not Continuation.NONE

    def authorize(self, headers: httpx.Headers, key: str) -> None:
        """Adds our key to the headers, as :meth:`WireProtocol.authorize` says."""
        headers["authorization"] = f"Bearer {key}"

    def trace_headers(self, trace_id: str | None) -> Mapping[str, str]:
        """Returns the headers that carry a trace id, as :meth:`WireProtocol.trace_headers` says."""
        return {} if trace_id is None else {"x-trace-id": trace_id}

    def generate_headers(self, request: InferenceRequest) -> list[tuple[bytes, bytes]]:
        """Returns the headers of a request for a reply, as :meth:`WireProtocol.generate_headers` says.

        The user is not named, because the server may be somebody else's.
        """
        return [] if request.trace_id is None else [(b"X-Trace-Id", request.trace_id.encode("ascii"))]

    def generate_body(self, request: InferenceRequest) -> bytes:
        """Returns the body of a request for a reply, as :meth:`WireProtocol.generate_body` says."""
        return request_body(request, model=self._model, continuation=self._continuation, sends_top_k=self._sends_top_k)

    def swap_request(self, model_tag: str) -> tuple[str, bytes]:  # noqa: ARG002 - the interface has it
        """Refuses every request, as :meth:`WireProtocol.swap_request` says."""
        raise CannotSwapError

    def model_names(self, document: bytes) -> frozenset[str]:
        """Returns the names in the list of models, as :meth:`WireProtocol.model_names` says."""
        return model_names(document)

    def event_reader(self, request: InferenceRequest) -> EventReader:
        """Returns the reader for the chunks of a reply, as :meth:`WireProtocol.event_reader` says."""
        return OpenAiEventReader(request.so_far)
