"""Replies in the making: what their owners, rescuers and readers send and get."""

from collections.abc import Callable, Collection, Sequence

from chatcore.conversations.message import MessageId
from chatcore.ports.storage import DeltaRead, DeltaReader
from chatcore.replies.lease import LEASE_SECONDS, Ending, Lease, OwnerId, Progress, Remains, Verdict
from chatcore_postgres.driver.arrays import Bools, Integers, Texts, Uuids
from chatcore_postgres.driver.database import Connection, Database, Row, fetch_on
from chatcore_postgres.statements import generations


async def checkpoint(database: Database, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[Verdict]:
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
    verdicts = [Verdict.HELD] * len(parts)
    for number, stop_requested in others:
        verdicts[number - 1] = Verdict.STOP_REQUESTED if stop_requested else Verdict.LOST
    return verdicts


async def finish(database: Database, lease: Lease, ending: Ending) -> bool:
    """Writes the ending, if the lease is the present one or the ending is written already."""
    rows = await database.fetch_definite(generations.FINISH, _ending(lease, ending))
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


async def settle(database: Database, lease: Lease, decide: Callable[[Remains], Ending]) -> Ending | None:
    """Finishes a reply from its deltas, in one transaction."""

    async def unit(connection: Connection) -> Ending | None:
        async with connection.transaction():
            await fetch_on(connection, generations.GIVE_UP_WHEN_IDLE, {})
            if not await fetch_on(connection, generations.LOCK, _parameters(lease)):
                return None
            (remains,) = await fetch_on(connection, generations.REMAINS, _parameters(lease))
            ending = decide(Remains(*remains))
            await fetch_on(connection, generations.FINISH, _ending(lease, ending))
            return ending

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


def _ending(lease: Lease, ending: Ending) -> dict[str, object]:
    return {
        **_parameters(lease),
        "status": ending.status.value,
        "content": ending.content,
        "error": None if ending.error is None else ending.error.value,
        "token_count": ending.token_count,
        "inference_time_ms": ending.inference_time_ms,
        "returns_head": ending.returns_head,
        "ended_at": ending.ended_at,
    }
