"""Defines the ports, through which the core uses its adapters.

An adapter inherits the protocol that it implements, so that a type checker compares the signatures, and runs the
contract tests of that port from :mod:`chatcore.testing`.
"""

from chatcore.ports.auth import Auth
from chatcore.ports.bulk_deletions import BulkDeletions, WalkCursor, WalkedPage
from chatcore.ports.changes import Change, ChangesRead, ChangeStore
from chatcore.ports.clock import Clock
from chatcore.ports.conversations import ConversationStore
from chatcore.ports.inference import Frame, Inference, InferenceRequest
from chatcore.ports.models import Models, ModelsDocument
from chatcore.ports.new_fork import NewFork
from chatcore.ports.new_reply import AcceptedTurn, NewContinuation, NewRegeneration, NewReply, NewTurn
from chatcore.ports.observer import NullObserver, Observer
from chatcore.ports.replies import DeltaRead, DeltaReader, ReplyStore
from chatcore.ports.search import Candidates, IndexedText, PendingText, SearchIndex, WalkPlace, WalkStep
from chatcore.ports.storage import Storage
from chatcore.ports.stream_counts import COUNT_RENEWAL_SECONDS, COUNT_SECONDS, ProcessId, StreamCounts
from chatcore.ports.transfers import Addition, TransferStore
from chatcore.ports.trees import TreeStore
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.lease import OwnerId

__all__ = [
    "AcceptedTurn",
    "Addition",
    "Auth",
    "BulkDeletions",
    "COUNT_RENEWAL_SECONDS",
    "COUNT_SECONDS",
    "Candidates",
    "Change",
    "ChangeStore",
    "ChangesRead",
    "Clock",
    "ConversationStore",
    "DeltaRead",
    "DeltaReader",
    "Frame",
    "GenerationRequest",
    "IndexedText",
    "Inference",
    "InferenceRequest",
    "Models",
    "ModelsDocument",
    "NewContinuation",
    "NewFork",
    "NewRegeneration",
    "NewReply",
    "NewTurn",
    "NullObserver",
    "Observer",
    "OwnerId",
    "PendingText",
    "WalkCursor",
    "ProcessId",
    "ReplyStore",
    "SearchIndex",
    "Storage",
    "StreamCounts",
    "TreeStore",
    "TransferStore",
    "WalkPlace",
    "WalkStep",
    "WalkedPage",
]
