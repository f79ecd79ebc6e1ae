"""A contract that is put together from parts runs the tests of all of them, and leaves out no method in an outage."""

import pytest

from chatcore.ports import Storage
from chatcore.testing import InferenceContract, StorageContract
from chatcore.testing.storage.outage import CALLS


@pytest.mark.parametrize("contract", [StorageContract, InferenceContract])
def test_no_part_hides_a_test_of_another(contract: type) -> None:
    names = [name for part in contract.__mro__ for name in vars(part) if name.startswith("test_")]

    assert sorted(names) == sorted(set(names))


def test_every_method_of_the_storage_is_called_in_an_outage() -> None:
    assert sorted(CALLS) == sorted(name for name in dir(Storage) if not name.startswith("_"))
