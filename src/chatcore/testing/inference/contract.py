"""Puts the inference contract together from its parts."""

from chatcore.testing.inference.failures import FailuresContract
from chatcore.testing.inference.frames import FramesContract
from chatcore.testing.inference.ping import PingContract


class InferenceContract(FramesContract, FailuresContract, PingContract):
    """Checks what every inference adapter promises.

    A subclass has two fixtures: `inference`, the adapter, with timeouts of about a second (the tests of silence wait
    for them) that are longer than a connection attempt takes; and `inference_service`, the
    :class:`~chatcore.testing.InferenceScript` that the adapter asks.
    """
