"""Implements every port in memory, for unit tests and for the tests of other services.

No adapter here opens a socket, reads a file or waits for real time to pass::

    clock = FrozenClock()
    storage = InMemoryStorage(clock)
    auth = StaticAuth({"token": User(id="alice")})
    inference = ScriptedInference()
    inference.say("Hel", "lo")
"""

from chatcore_memory.auth import StaticAuth
from chatcore_memory.clock import FrozenClock
from chatcore_memory.frames import DONE_FRAME, token_frame
from chatcore_memory.inference import PAUSE, CallState, InferenceCall, ScriptedInference, Step
from chatcore_memory.storage import InMemoryStorage

__all__ = [
    "FrozenClock",
    "InMemoryStorage",
    "StaticAuth",
    "ScriptedInference",
    "InferenceCall",
    "CallState",
    "Step",
    "PAUSE",
    "DONE_FRAME",
    "token_frame",
]
