"""Combines the parts of the inference contract."""

from chatcore.testing.inference.failures import FailuresContract
from chatcore.testing.inference.frames import FramesContract
from chatcore.testing.inference.in_process import InProcessInferenceContract
from chatcore.testing.inference.ping import PingContract


class InferenceContract(InProcessInferenceContract, FramesContract, FailuresContract, PingContract):
    """Tests the promises of an adapter for a service that tests can control.

    Adapters without such a service run :class:`~chatcore.testing.InProcessInferenceContract` alone.

    A subclass has two fixtures: `inference`, the adapter, with timeouts of about a second (the tests of silence wait
    for them) that are longer than a connection attempt takes; and `inference_service`, the
    :class:`~chatcore.testing.InferenceScript` to which the adapter sends its requests.
    """
