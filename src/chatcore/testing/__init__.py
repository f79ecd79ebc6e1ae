"""Provides the contract tests for adapters: one test class for each port, to be subclassed.

Each class says which fixtures and methods it needs. A contract controls a remote service through a protocol
(:class:`AuthScript`, :class:`InferenceScript`, :class:`ModelsScript`), so that a fake and a real server run the same
tests. The tests need the extra ``chatcore[testing]``. For readable failures, put this line into ``conftest.py``::

    pytest.register_assert_rewrite("chatcore.testing")
"""

from chatcore.missing_extra import needs_extra

with needs_extra("chatcore.testing", "testing"):
    from chatcore.testing.auth.contract import AuthContract
    from chatcore.testing.auth.script import AuthFault, AuthScript, SettableClock
    from chatcore.testing.clock.contract import ClockContract
    from chatcore.testing.inference.contract import InferenceContract
    from chatcore.testing.inference.in_process import InProcessInferenceContract
    from chatcore.testing.inference.script import InferenceScript, ReplyEnd, ScriptedReply, SeenGenerate
    from chatcore.testing.models.contract import ModelsContract
    from chatcore.testing.models.script import ModelsScript, SeenModels, SeenSwap
    from chatcore.testing.storage.contract import StorageContract
    from chatcore.testing.stream_counts.contract import StreamCountsContract

__all__ = [
    "AuthContract",
    "AuthFault",
    "AuthScript",
    "ClockContract",
    "InProcessInferenceContract",
    "InferenceContract",
    "InferenceScript",
    "ModelsContract",
    "ModelsScript",
    "ReplyEnd",
    "ScriptedReply",
    "SeenGenerate",
    "SeenModels",
    "SeenSwap",
    "SettableClock",
    "StorageContract",
    "StreamCountsContract",
]
