"""Sampling parameters are within their ranges."""

import math

import pytest

from chatcore import Sampling
from chatcore.errors import InvalidInputError


def test_the_edges_of_every_range_are_taken() -> None:
    lowest, highest = (
        Sampling(temperature=0, max_tokens=1, top_k=0),
        Sampling(temperature=2, max_tokens=4096, top_k=200),
    )

    assert (lowest.max_tokens, highest.max_tokens) == (1, 4096)


def test_every_value_out_of_its_range_is_named() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Sampling(temperature=math.nan, max_tokens=0, top_k=201)
    assert [problem.field for problem in caught.value.problems] == ["temperature", "max_tokens", "top_k"]

    with pytest.raises(InvalidInputError) as caught:
        Sampling(temperature=2.01, max_tokens=4097, top_k=-1)
    assert [problem.field for problem in caught.value.problems] == ["temperature", "max_tokens", "top_k"]
