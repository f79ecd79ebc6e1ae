"""A contract that is put together from parts runs the tests of all of them."""

import pytest

from chatcore.testing import InferenceContract, StorageContract


@pytest.mark.parametrize("contract", [StorageContract, InferenceContract])
def test_no_part_hides_a_test_of_another(contract: type) -> None:
    names = [name for part in contract.__mro__ for name in vars(part) if name.startswith("test_")]

    assert sorted(names) == sorted(set(names))
