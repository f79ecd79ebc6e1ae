"""Provides a reply with reasoning and data, and the steps that store it, for the tests of the storage contract."""

from attrs import evolve

from chatcore.conversations.log import Piece, bytes_of
from chatcore.conversations.parts import PartKind
from chatcore.ports import Storage
from chatcore.replies.lease import FinalState, Lease
from chatcore.testing.samples import a_final_state, progress
from chatcore.testing.storage.steps import begin, checkpoint

# The log of the reply: reasoning, "Hel" and "lo", a data part, more reasoning, "!" and a data part.
THOUGHT = Piece(0, 0, PartKind.REASONING, "hm👩‍🚀 ")
CALL = Piece(THOUGHT.end + 5, 5, PartKind.DATA, '{"call":"\\u0000 é💬"}')
SECOND = Piece(CALL.end, 5, PartKind.REASONING, "so")
RESULT = Piece(SECOND.end + 1, 6, PartKind.DATA, '{"result":[1, 2]}')
PIECES = (THOUGHT, CALL, SECOND, RESULT)
TEXT = "Hello!"
LENGTH = RESULT.end


async def run_with_pieces(storage: Storage, *, lease: Lease | None = None, count: int = 4) -> Lease:
    """Stores the first pieces of a running reply, by default of a new one, with the text before them."""
    lease = lease or await begin(storage)
    await checkpoint(storage, evolve(progress(lease, "Hel"), pieces=PIECES[:1]))
    await checkpoint(storage, evolve(progress(lease, "lo", start_offset=3), pieces=PIECES[1:2]))
    if count == len(PIECES):
        await checkpoint(storage, evolve(progress(lease, "!", start_offset=5), pieces=PIECES[2:]))
    return lease


def a_final_state_with_pieces(pieces: tuple[Piece, ...] = ()) -> FinalState:
    """Returns the final state of the reply, with those of its pieces that are not stored yet."""
    return evolve(a_final_state(TEXT), pieces=pieces, pieces_bytes=bytes_of(PIECES))
