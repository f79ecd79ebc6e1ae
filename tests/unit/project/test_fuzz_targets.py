"""Every fuzz target passes for its seeds and for examples of hypothesis, which takes less time than the fuzzer."""

import importlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.targets import TARGETS, module_of, seeds_of


def check_of(name: str) -> Callable[[bytes], None]:
    check: Callable[[bytes], None] = importlib.import_module(module_of(name)).check
    return check


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_holds_for_its_seeds(name: str) -> None:
    seeds = seeds_of(name)

    assert len(seeds) >= 10
    for seed in seeds:
        check_of(name)(seed)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=300))
def test_every_target_holds_for_any_bytes(name: str, data: bytes) -> None:
    check_of(name)(data)
