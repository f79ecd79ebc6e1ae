"""The ports: what the core needs of the world, stated as contracts.

An adapter inherits the protocol it implements, so that a type checker compares the signatures, and runs the
contract test class of the same name in :mod:`chatcore.testing`.
"""

from chatcore.ports.auth import Auth
from chatcore.ports.clock import Clock
from chatcore.ports.inference import Frame, Inference, InferenceReply, InferenceRequest
from chatcore.ports.observer import NullObserver, Observer
from chatcore.ports.storage import (
    AcceptedTurn,
    DeltaRead,
    DeltaReader,
    NewRegeneration,
    NewReply,
    NewTurn,
    Storage,
)

__all__ = [
    "AcceptedTurn",
    "Auth",
    "Clock",
    "DeltaRead",
    "DeltaReader",
    "Frame",
    "Inference",
    "InferenceReply",
    "InferenceRequest",
    "NewRegeneration",
    "NewReply",
    "NewTurn",
    "NullObserver",
    "Observer",
    "Storage",
]
