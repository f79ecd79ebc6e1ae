"""Imports all conversations of a samosachaat service."""

from collections.abc import Callable, Collection
from contextlib import aclosing
from datetime import datetime
from uuid import UUID

from attrs import define, field

from chatcore.input_limits import InputLimits
from chatcore_postgres.samosachaat.conversation_import import ConversationImport
from chatcore_postgres.samosachaat.mapping import ImportedMessage, to_conversation, to_message
from chatcore_postgres.samosachaat.report import ImportReport, Skip
from chatcore_postgres.samosachaat.source import SamosachaatSource, SourceRow, open_source
from chatcore_postgres.samosachaat.target import Target, open_target

# Messages are collected until there are this many, or this many bytes of content. The limits bound the memory.
MAX_BATCH_MESSAGES = 500
MAX_BATCH_BYTES = 4 * 1024 * 1024
_CONVERSATIONS_A_COMMIT = 100

#: Takes the number of rows that were read and the number of all rows.
OnProgress = Callable[[int, int], None]


async def import_samosachaat(  # noqa: PLR0913 - keyword arguments, each of which an operator decides
    source_conninfo: str,
    conninfo: str,
    *,
    source_schema: str = "public",
    schema: str = "public",
    is_dry: bool = False,
    placeholder_titles: Collection[str],
    limits: InputLimits,
    now: datetime,
    on_progress: OnProgress,
) -> ImportReport:
    """Adds the conversations and messages of the source that are not in the database yet.

    The source is read in one snapshot, and is not changed. A conversation becomes visible together with all its
    messages. An import that ended early is completed by the next one. The service may run meanwhile.

    Args:
        source_conninfo: the connection string of the database to read.
        conninfo: the connection string of the database with our tables.
        source_schema: the schema of the tables to read.
        schema: the schema of our tables.
        is_dry: whether to write nothing and only report what would be done.
        placeholder_titles: titles that count as missing, so that the next message replaces such a title.
        limits: the service's limits: longer titles and model tags are cut to them.
        now: the time of rows for which the source has none at all.
        on_progress: called with the number of rows that were read and the number of all rows, after each row.

    Raises:
        ImportFailedError: a database cannot be reached, lacks a table, refuses access or fails.
        ValueError: a connection string is malformed.
    """
    async with (
        open_source(source_conninfo, source_schema, limits) as source,
        open_target(conninfo, schema, is_dry=is_dry) as target,
    ):
        repeated = await source.repeated_message_ids()
        run = _Import(source, target, now, placeholder_titles, repeated)
        total = await source.count()
        on_progress(0, total)
        async with aclosing(source.rows()) as rows:
            done = 0
            async for row in rows:
                await run.take(row)
                done += 1
                on_progress(done, total)
        await run.close()
        return run.report


@define
class _Candidate:
    """Collects the rows of the conversation whose messages come next in the source."""

    row: SourceRow
    #: The number of further rows with the same id.
    copies: int = 0
    has_several_users: bool = False
    is_open: bool = False
    #: The import of the conversation; None before the first message, and if the conversation is skipped.
    running: ConversationImport | None = None
    batch: list[ImportedMessage] = field(factory=list[ImportedMessage])
    batch_bytes: int = 0

    def is_copied_by(self, row: SourceRow) -> bool:
        """Returns whether a row has the id of this conversation."""
        return row.id is not None and row.id == self.row.id

    def has(self, message: SourceRow) -> bool:
        """Returns whether a message belongs to this conversation."""
        return message.conversation_id is not None and message.conversation_id == self.row.id


@define
class _Import:
    """Takes the rows of the source in their order, and imports one conversation after the other."""

    source: SamosachaatSource
    target: Target
    now: datetime
    placeholder_titles: Collection[str]
    #: The ids that several messages of the source have.
    repeated_ids: Collection[UUID]
    report: ImportReport = field(factory=ImportReport)
    #: The users and ids of the messages with such an id that were taken.
    _taken: set[tuple[str, UUID]] = field(factory=set[tuple[str, UUID]])
    _candidate: _Candidate | None = None
    _uncommitted: int = 0

    async def take(self, row: SourceRow) -> None:
        """Takes the next row."""
        candidate = self._candidate
        if row.is_message:
            await self._take_message(row)
        elif candidate is not None and candidate.is_copied_by(row):
            candidate.copies += 1
            candidate.has_several_users |= row.user_id != candidate.row.user_id
        else:
            await self._end_conversation()
            self._candidate = _Candidate(row)

    async def close(self) -> None:
        """Completes the last conversation."""
        await self._end_conversation()
        await self.target.commit()

    async def _take_message(self, row: SourceRow) -> None:
        candidate = self._candidate
        if candidate is None or not candidate.has(row):
            self.report.messages.skip(Skip.NO_CONVERSATION, row.id)
            return
        await self._open(candidate)
        if candidate.running is None:
            self.report.messages.skip(Skip.SKIPPED_CONVERSATION, row.id)
            return
        message = to_message(row, candidate.running.conversation)
        if isinstance(message, Skip):
            self.report.messages.skip(message, row.id)
        elif self._is_repeated(candidate.running.conversation.user_id, message.id):
            self.report.messages.skip(Skip.REPEATED_ID, message.id)
        else:
            candidate.batch.append(message)
            candidate.batch_bytes += message.content_bytes
            if len(candidate.batch) >= MAX_BATCH_MESSAGES or candidate.batch_bytes >= MAX_BATCH_BYTES:
                await _flush(candidate)

    def _is_repeated(self, user_id: str, message_id: UUID) -> bool:
        if message_id not in self.repeated_ids:
            return False
        is_repeated = (user_id, message_id) in self._taken
        self._taken.add((user_id, message_id))
        return is_repeated

    async def _open(self, candidate: _Candidate) -> None:
        """Begins to import a conversation when all rows with its id are known, or counts why it is skipped."""
        if candidate.is_open:
            return
        candidate.is_open = True
        counts, row = self.report.conversations, candidate.row
        conversation = to_conversation(row, self.placeholder_titles, self.source.limits.max_title_chars)
        if candidate.has_several_users:
            conversation = Skip.SEVERAL_USERS
        if candidate.copies:
            counts.skip(
                Skip.SEVERAL_USERS if candidate.has_several_users else Skip.REPEATED_ID, row.id, count=candidate.copies
            )
        if isinstance(conversation, Skip):
            counts.skip(conversation, row.id)
            return
        is_present = await self.target.find(conversation.user_id, conversation.id) is not None
        counts.present += is_present
        candidate.running = ConversationImport(
            conversation, self.target, self.source, self.report, self.now, is_present=is_present
        )

    async def _end_conversation(self) -> None:
        if self._candidate is None:
            return
        await self._open(self._candidate)
        await _flush(self._candidate)
        running = self._candidate.running
        if running is not None:
            await running.close()
            self._uncommitted += 1
            # The service may be waiting for a conversation that was there before.
            if self._uncommitted >= _CONVERSATIONS_A_COMMIT or (running.is_present and running.has_changed):
                self._uncommitted = 0
                await self.target.commit()


async def _flush(candidate: _Candidate) -> None:
    if candidate.running is not None and candidate.batch:
        await candidate.running.add(candidate.batch)
        candidate.batch.clear()
        candidate.batch_bytes = 0
