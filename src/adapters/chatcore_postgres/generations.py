"""Replies in the making: what their owners, rescuers and readers send and get."""

from collections.abc import Callable, Collection, Sequence

from chatcore.conversations.message import MessageId
from chatcore.ports import DeltaRead, DeltaReader
from chatcore.replies.lease import LEASE_SECONDS, FinalState, Lease, LeaseStatus, OrphanedReply, OwnerId, Progress
from chatcore_postgres.driver.arrays import Bools, Integers, Texts, Uuids
from chatcore_postgres.driver.database import Connection, Database, Row, fetch_on
from chatcore_postgres.statements import generations


async def checkpoint(database: Database, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
    """Stores the parts of which the lease is the present one."""
    leases = [part.lease for part in parts]
    others = await database.fetch(
        generations.CHECKPOINT,
        {
            "owner_id": owner_id,
            "lease_seconds": LEASE_SECONDS,
            "user_ids": Texts([lease.user_id for lease in leases]),
            "conversation_ids": Uuids([lease.conversation_id for lease in leases]),
            "message_ids": Uuids([lease.message_id for lease in leases]),
            "epochs": Integers([lease.epoch for lease in leases]),
            "start_offsets": Integers([part.start_offset for part in parts]),
            "texts": Texts([part.text for part in parts]),
            "renewals": Bools([part.renew for part in parts]),
        },
        plan_anew=True,
    )
    statuses = [LeaseStatus.HELD] * len(parts)
    for number, stop_requested in others:
        statuses[number - 1] = LeaseStatus.STOP_REQUESTED if stop_requested else LeaseStatus.LOST
    return statuses


async def finish(database: Database, lease: Lease, final_state: FinalState) -> bool:
    """Writes the final state if the lease is current or the final state is stored already."""
    rows = await database.fetch_definite(generations.FINISH, _final_state(lease, final_state))
    return bool(rows[0][0] == "done")


async def claim_expired(
    database: Database, owner_id: OwnerId, running: Collection[MessageId], limit: int
) -> Sequence[Lease]:
    """Takes over what nobody renewed."""
    rows = await database.fetch(
        generations.CLAIM_EXPIRED,
        {"owner_id": owner_id, "lease_seconds": LEASE_SECONDS, "running": Uuids(running), "limit": limit},
    )
    return [
        Lease(
            user_id=user_id,
            conversation_id=conversation_id,
            message_id=message_id,
            owner_id=owner_id,
            epoch=epoch,
        )
        for user_id, conversation_id, message_id, epoch in rows
    ]


async def finish_orphan(
    database: Database, lease: Lease, decide: Callable[[OrphanedReply], FinalState]
) -> FinalState | None:
    """Finishes a reply from its deltas, in one transaction."""

    async def unit(connection: Connection) -> FinalState | None:
        async with connection.transaction():
            await fetch_on(connection, generations.GIVE_UP_WHEN_IDLE, {})
            if not await fetch_on(connection, generations.LOCK, _parameters(lease)):
                return None
            (orphan,) = await fetch_on(connection, generations.REMAINS, _parameters(lease))
            final_state = decide(OrphanedReply(*orphan))
            await fetch_on(connection, generations.FINISH, _final_state(lease, final_state))
            return final_state

    return await database.run(unit)


async def read_deltas(database: Database, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
    """What each reader has not seen and has room for."""
    rows = await database.fetch(
        generations.READ_DELTAS,
        {
            "user_ids": Texts([reader.user_id for reader in readers]),
            "conversation_ids": Uuids([reader.conversation_id for reader in readers]),
            "message_ids": Uuids([reader.message_id for reader in readers]),
            "offsets": Integers([reader.offset for reader in readers]),
            "untils": Integers([reader.offset + reader.room for reader in readers]),
        },
        plan_anew=True,
    )
    return [_read(reader, row) for reader, row in zip(readers, rows, strict=True)]


def _read(reader: DeltaReader, row: Row) -> DeltaRead:
    is_live, start_offset, text = row
    if text is None:
        return DeltaRead("", 0, is_live)
    end_offset = min(start_offset + len(text), reader.offset + reader.room)
    return DeltaRead(text[max(0, reader.offset - start_offset) : end_offset - start_offset], end_offset, is_live)


def _parameters(lease: Lease) -> dict[str, object]:
    return {
        "user_id": lease.user_id,
        "conversation_id": lease.conversation_id,
        "message_id": lease.message_id,
        "owner_id": lease.owner_id,
        "epoch": lease.epoch,
    }


def _final_state(lease: Lease, final_state: FinalState) -> dict[str, object]:
    return {
        **_parameters(lease),
        "status": final_state.status.value,
        "content": final_state.content,
        "error": None if final_state.error is None else final_state.error.value,
        "token_count": final_state.token_count,
        "inference_time_ms": final_state.inference_time_ms,
        "returns_head": final_state.returns_head,
        "ended_at": final_state.ended_at,
    }
