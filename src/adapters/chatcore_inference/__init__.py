"""The inference port over HTTP: server-sent events, byte for byte, at the speed of the wire."""

from chatcore_inference.client import InferenceClient
from chatcore_inference.limits import InferenceLimits, InferenceTimeouts
from chatcore_inference.sink import SINK, BodySink
from chatcore_inference.transport import SinkTransport

__all__ = ["InferenceClient", "InferenceLimits", "InferenceTimeouts", "SinkTransport", "BodySink", "SINK"]
