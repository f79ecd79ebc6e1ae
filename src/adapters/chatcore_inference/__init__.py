"""The inference port over HTTP: server-sent events, byte for byte, at the speed of the wire."""

from chatcore_inference.http.body_sink import SINK, BodySink
from chatcore_inference.http.transport import SinkTransport
from chatcore_inference.limits import InferenceLimits, InferenceTimeouts
from chatcore_inference.protocols.samosachaat.client import InferenceClient

__all__ = ["InferenceClient", "InferenceLimits", "InferenceTimeouts", "SinkTransport", "BodySink", "SINK"]
