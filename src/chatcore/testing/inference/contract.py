"""The inference contract, all of it."""

from chatcore.testing.inference.failures import FailuresContract
from chatcore.testing.inference.frames import FramesContract
from chatcore.testing.inference.ping import PingContract


class InferenceContract(FramesContract, FailuresContract, PingContract):
    """What every inference adapter promises.

    A subclass has the fixtures `inference`, the adapter, with timeouts of a second or so (the tests of silence wait
    for them), but longer than it takes to give up connecting; and `inference_service`, the
    :class:`~chatcore.testing.InferenceScript` that it asks.
    """
