"""Combines the parts of the storage contract."""

from chatcore.testing.storage.archive_and_pins import ArchiveContract, PinsContract
from chatcore.testing.storage.bulk_deletions import BulkDeletionsContract
from chatcore.testing.storage.changes import ChangePlacesContract, ChangesContract
from chatcore.testing.storage.checkpoints import CheckpointsContract, DeltaReadersContract, StopContract
from chatcore.testing.storage.continuations import ContinuationsContract
from chatcore.testing.storage.conversations import ConversationsContract
from chatcore.testing.storage.deletions import DeletionsContract
from chatcore.testing.storage.edits import EditsContract
from chatcore.testing.storage.final_states import FinalStatesContract
from chatcore.testing.storage.forks import ForksContract
from chatcore.testing.storage.hand_over import HandOverContract
from chatcore.testing.storage.head_choices import HeadChoicesContract
from chatcore.testing.storage.history import HistoryContract
from chatcore.testing.storage.idempotency_keys import KeysContract, PurgeContract
from chatcore.testing.storage.interruptions import InterruptionsContract
from chatcore.testing.storage.listing import ListingContract
from chatcore.testing.storage.orphans import ClaimsContract, OrphansContract
from chatcore.testing.storage.outage import OutageContract
from chatcore.testing.storage.pages import PagesContract
from chatcore.testing.storage.paths import PathsContract
from chatcore.testing.storage.piece_recovery import PieceRecoveryContract
from chatcore.testing.storage.pieces import PieceReadersContract, PiecesContract
from chatcore.testing.storage.regeneration_keys import RegenerationKeysContract
from chatcore.testing.storage.regenerations import RegenerationRepeatsContract, RegenerationsContract
from chatcore.testing.storage.regenerations_of_any import RegenerationsOfAnyContract
from chatcore.testing.storage.resumptions import ResumptionsContract
from chatcore.testing.storage.running_limit import RunningLimitContract
from chatcore.testing.storage.search import SearchContract
from chatcore.testing.storage.search_order import SearchOrderContract
from chatcore.testing.storage.transfers import TransfersContract
from chatcore.testing.storage.tree_changes import TreeChangesContract
from chatcore.testing.storage.turn_repeats import TurnRepeatsContract
from chatcore.testing.storage.turns import TurnsContract
from chatcore.testing.storage.versions import VersionsContract


class StorageContract(
    ConversationsContract,
    ListingContract,
    ArchiveContract,
    PinsContract,
    ForksContract,
    BulkDeletionsContract,
    TransfersContract,
    PathsContract,
    PagesContract,
    TurnsContract,
    TurnRepeatsContract,
    RunningLimitContract,
    InterruptionsContract,
    KeysContract,
    PurgeContract,
    RegenerationsContract,
    RegenerationRepeatsContract,
    RegenerationKeysContract,
    RegenerationsOfAnyContract,
    EditsContract,
    VersionsContract,
    HeadChoicesContract,
    DeletionsContract,
    HistoryContract,
    CheckpointsContract,
    DeltaReadersContract,
    StopContract,
    FinalStatesContract,
    ClaimsContract,
    OrphansContract,
    ResumptionsContract,
    ContinuationsContract,
    HandOverContract,
    PiecesContract,
    PieceReadersContract,
    PieceRecoveryContract,
    ChangesContract,
    TreeChangesContract,
    ChangePlacesContract,
    SearchContract,
    SearchOrderContract,
    OutageContract,
):
    """Tests every promise of a storage adapter.

    A subclass has two fixtures, `storage`, an adapter whose storage is empty, and `unreachable_storage`, an adapter
    whose storage cannot be reached, and implements the method of
    :class:`~chatcore.testing.storage.steps.StorageHooks`::

        class TestMyStorage(StorageContract):
            @pytest.fixture
            def storage(self) -> Storage: ...

            @pytest.fixture
            def unreachable_storage(self) -> Storage: ...

            async def expire_leases(self, storage: Storage) -> None: ...
    """
