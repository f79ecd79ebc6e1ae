"""Defines the sampling parameters of a reply."""

from attrs import frozen

from chatcore.errors import FieldProblem, InvalidInputError

MAX_TEMPERATURE = 2
MAX_TOKENS = 4096
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

    def __attrs_post_init__(self) -> None:
        problems = [
            FieldProblem(name, f"must be from {low} to {high}")
            for name, value, low, high in (
                ("temperature", self.temperature, 0, MAX_TEMPERATURE),
                ("max_tokens", self.max_tokens, 1, MAX_TOKENS),
                ("top_k", self.top_k, 0, MAX_TOP_K),
            )
            if not low <= value <= high
        ]
        if problems:
            raise InvalidInputError(*problems)
