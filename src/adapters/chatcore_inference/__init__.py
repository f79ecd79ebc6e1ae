"""Implements the inference port over HTTP and server-sent events, with a parser that is fed from the socket."""

from chatcore.missing_extra import needs_extra

with needs_extra("chatcore_inference", "inference"):
    from chatcore_inference.client import InferenceClient
    from chatcore_inference.http.body_sink import SINK, BodySink
    from chatcore_inference.http.event_reader import EventReader
    from chatcore_inference.http.transport import SinkTransport
    from chatcore_inference.limits import InferenceLimits, InferenceTimeouts
    from chatcore_inference.protocols.openai.protocol import OpenAiProtocol
    from chatcore_inference.protocols.openai.request_body import Continuation
    from chatcore_inference.protocols.samosachaat.protocol import SamosachaatProtocol
    from chatcore_inference.protocols.wire_protocol import WireProtocol

__all__ = [
    "InferenceClient",
    "InferenceLimits",
    "OpenAiProtocol",
    "Continuation",
    "InferenceTimeouts",
    "SamosachaatProtocol",
    "SinkTransport",
    "BodySink",
    "EventReader",
    "SINK",
    "WireProtocol",
]
