"""Defines the sampling parameters of a reply."""

from collections.abc import Mapping
from typing import Self

from attrs import evolve, field, frozen

from chatcore.input_limits import MAX_TEMPERATURE, MAX_TOKENS, InputLimits, require_ranges

MAX_TOP_K = 200


@frozen(kw_only=True)
class Sampling:
    """Holds the sampling parameters of a request to the inference service.

    Raises:
        InvalidInputError: a value is out of range; the error names each such field.
    """

    #: The temperature, 0 to 2; NaN is out of range.
    temperature: float = 0.8
    #: The most tokens of the reply, 1 to 4096.
    max_tokens: int = 1024
    #: The number of candidates from which each token is drawn, 0 (all) to 200.
    top_k: int = 50
    #: Further fields of the request by their names, which go along to the inference service as they are.
    passed: Mapping[str, object] = field(factory=dict[str, object])

    def __attrs_post_init__(self) -> None:
        require_ranges(
            ("temperature", self.temperature, 0, MAX_TEMPERATURE),
            ("max_tokens", self.max_tokens, 1, MAX_TOKENS),
            ("top_k", self.top_k, 0, MAX_TOP_K),
        )

    def lowered_to(self, limits: InputLimits) -> Self:
        """Returns the parameters with those that exceed `limits` lowered to them."""
        return evolve(
            self,
            temperature=min(self.temperature, limits.max_temperature),
            max_tokens=min(self.max_tokens, limits.max_tokens),
        )


def require_sampling(sampling: Sampling, limits: InputLimits) -> Sampling:
    """Returns the parameters unchanged if they are within `limits`.

    Raises:
        InvalidInputError: a value is out of range; the error names each such field.
    """
    require_ranges(
        ("temperature", sampling.temperature, 0, limits.max_temperature),
        ("max_tokens", sampling.max_tokens, 1, limits.max_tokens),
    )
    return sampling
