"""Describes what a model was asked for, in a form that another process can read."""

import json
from typing import Self

from attrs import asdict, frozen

from chatcore.replies.sampling import Sampling


@frozen(kw_only=True)
class GenerationRequest:
    """Holds what a request for a reply says besides the messages, which the storage has."""

    sampling: Sampling
    trace_id: str | None = None
    #: What distinguishes a continuation from others of the same reply; a repeat has the same value.
    attempt: str | None = None

    def encode(self) -> str:
        """Returns the request in JSON."""
        return json.dumps({"sampling": asdict(self.sampling), "trace_id": self.trace_id, "attempt": self.attempt})

    @classmethod
    def decode(cls, encoded: str) -> Self:
        """Returns the request that :meth:`encode` has encoded, also if another version of the service did so."""
        values = json.loads(encoded)
        sampling = values["sampling"]
        return cls(
            sampling=Sampling(
                temperature=sampling["temperature"],
                max_tokens=sampling["max_tokens"],
                top_k=sampling["top_k"],
                # A version without this field has stored none.
                passed=sampling.get("passed", {}),
            ),
            trace_id=values["trace_id"],
            attempt=values["attempt"],
        )
