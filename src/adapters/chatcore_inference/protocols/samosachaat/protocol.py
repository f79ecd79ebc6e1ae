"""Makes the requests that the samosachaat inference service understands."""

import string
from collections.abc import Mapping
from urllib.parse import quote

import httpx
import orjson

from chatcore.ports import InferenceRequest
from chatcore_inference.http.event_reader import EventReader
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader
from chatcore_inference.protocols.samosachaat.message_limits import within_limits
from chatcore_inference.protocols.wire_protocol import WireProtocol

# A user id may hold any character and a header only visible ASCII, so the rest is percent-encoded, "%" included.
_KEPT_IN_HEADERS = string.punctuation.replace("%", "")
# The reader remembers nothing, so one reader serves all replies.
_EVENTS = SamosachaatEventReader()


class SamosachaatProtocol(WireProtocol):
    """Builds requests for the samosachaat inference service, and reads its events.

    Args:
        generate_path: the path of requests for a reply, below the service's URL; some deployments take them at ``/``.
        can_continue: whether the service goes on from the text of the last message if that is the assistant's.
    """

    models_path = "models"
    names_models = False

    def __init__(self, generate_path: str = "/generate", *, can_continue: bool = False) -> None:
        self.generate_path = generate_path.lstrip("/")
        self.can_continue = can_continue

    def authorize(self, headers: httpx.Headers, key: str) -> None:
        """Adds our key to the headers, as :meth:`WireProtocol.authorize` says."""
        headers["x-internal-api-key"] = key

    def trace_headers(self, trace_id: str | None) -> Mapping[str, str]:
        """Returns the headers that carry a trace id, as :meth:`WireProtocol.trace_headers` says."""
        return {} if trace_id is None else {"x-trace-id": trace_id}

    def generate_headers(self, request: InferenceRequest) -> list[tuple[bytes, bytes]]:
        """Returns the headers of a request for a reply, as :meth:`WireProtocol.generate_headers` says."""
        user = (b"X-User-Id", quote(request.user_id, safe=_KEPT_IN_HEADERS).encode("ascii"))
        return [user] if request.trace_id is None else [user, (b"X-Trace-Id", request.trace_id.encode("ascii"))]

    def generate_body(self, request: InferenceRequest) -> bytes:
        """Returns the body of a request for a reply, as :meth:`WireProtocol.generate_body` says."""
        messages = within_limits(request.messages, request.instructions, so_far=request.so_far)
        return orjson.dumps(
            {
                **request.sampling.passed,
                "messages": [{"role": message.role, "content": message.content} for message in messages],
                "temperature": request.sampling.temperature,
                "max_tokens": request.sampling.max_tokens,
                "top_k": request.sampling.top_k,
            }
        )

    def swap_request(self, model_tag: str) -> tuple[str, bytes]:
        """Returns the path and the body of a request, as :meth:`WireProtocol.swap_request` says."""
        return "models/swap", orjson.dumps({"model_tag": model_tag})

    def model_names(self, document: bytes) -> frozenset[str]:  # noqa: ARG002 - the interface has it
        """Returns no names, because `names_models` is false."""
        return frozenset()

    def event_reader(self, request: InferenceRequest) -> EventReader:  # noqa: ARG002 - the interface has it
        """Returns the reader for the events of a reply, as :meth:`WireProtocol.event_reader` says."""
        return _EVENTS
