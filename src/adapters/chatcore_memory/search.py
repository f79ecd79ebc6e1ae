"""Finds texts in memory by their terms."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

from attrs import evolve, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports.clock import Clock
from chatcore.ports.search import (
    CLAIM_SECONDS,
    MAX_CANDIDATES,
    MAX_CONVERSATIONS,
    Candidates,
    IndexedText,
    PendingText,
)
from chatcore.search.listing import Candidate, SearchPlace
from chatcore.search.query import QueryTerm
from chatcore.search.terms import MAX_INDEXED_CHARS
from chatcore.user import UserId
from chatcore_memory.tables import Tables

_Key = tuple[UserId, MessageId | ConversationId]


@frozen
class _Indexed:
    text: str
    terms: frozenset[str]


class SearchRows:
    """Keeps the terms of messages and titles; each method does as the port says.

    A text waits for as long as its terms are not those of the text that is stored.
    """

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._indexed: dict[_Key, _Indexed] = {}
        # Until when each text is claimed, in seconds of the clock.
        self._claims: dict[_Key, float] = {}

    def claim(self, limit: int) -> Sequence[PendingText]:
        """Claims texts that wait."""
        now = self._clock.monotonic()
        waiting = [text for text in self._waiting() if self._claims.get(_key(text), now) <= now]
        claimed = waiting[::-1][:limit]
        self._claims.update((_key(text), now + CLAIM_SECONDS) for text in claimed)
        return claimed

    def store(self, texts: Sequence[IndexedText]) -> None:
        """Stores the terms of texts that have not changed."""
        waiting = {_key(text): text for text in self._waiting()}
        for indexed in texts:
            key = _key(indexed.pending)
            self._claims.pop(key, None)
            current = waiting.get(key)
            if current is None:
                continue
            text, title = indexed.pending.text, indexed.pending.title
            if text is not None and current.text_version == indexed.pending.text_version:
                self._indexed[key] = _Indexed(text, frozenset(indexed.text_terms))
            if title is not None and current.title == title:
                owner = (key[0], indexed.pending.conversation_id)
                self._indexed[owner] = _Indexed(title, frozenset(indexed.title_terms))

    def find(self, user_id: UserId, terms: Sequence[QueryTerm], place: SearchPlace) -> Candidates:
        """Returns candidates after a place."""
        after = (place.updated_at, place.conversation_id, place.position)
        found = [
            candidate
            for candidate in self._candidates(user_id)
            if _order(candidate) < after and self._has(user_id, candidate, terms)
        ]
        found.sort(key=_order, reverse=True)
        groups = [list(group) for _, group in groupby(found, lambda candidate: candidate.conversation.id)]
        shown = groups[:MAX_CONVERSATIONS]
        return Candidates(
            [candidate for group in shown for candidate in group[:MAX_CANDIDATES]],
            SearchPlace.after(shown[-1][0].conversation) if len(groups) > len(shown) else None,
        )

    def texts(self, user_id: UserId, message_ids: Collection[MessageId]) -> Mapping[MessageId, str]:
        """Returns the beginnings of messages."""
        return {
            message.id: message.content[:MAX_INDEXED_CHARS]
            for (owner, _), messages in self._tables.messages.items()
            if owner == user_id
            for message in messages
            if message.id in message_ids
        }

    def _waiting(self) -> Iterator[PendingText]:
        """Yields what is not indexed as it is stored, the oldest texts of each conversation first."""
        for (user_id, conversation_id), conversation in self._tables.conversations.items():
            title = None if self._is_indexed((user_id, conversation_id), conversation.title) else conversation.title
            if title is not None:
                yield _pending(conversation, None, title)
            for message in self._tables.messages[user_id, conversation_id]:
                if not message.is_streaming and not self._is_indexed((user_id, message.id), message.content):
                    yield _pending(conversation, message, title)

    def _is_indexed(self, key: _Key, text: str) -> bool:
        indexed = self._indexed.get(key)
        return indexed is not None and indexed.text == text[:MAX_INDEXED_CHARS]

    def _candidates(self, user_id: UserId) -> Iterator[Candidate]:
        for (owner, conversation_id), conversation in self._tables.conversations.items():
            if owner == user_id:
                generation = self._tables.generations.get((owner, conversation_id))
                shown = evolve(
                    conversation, active_reply_id=None if generation is None else generation.lease.message_id
                )
                yield Candidate(shown, None, 0)
                for message in self._tables.messages[owner, conversation_id]:
                    yield Candidate(shown, message.id, message.position)

    def _has(self, user_id: UserId, candidate: Candidate, terms: Sequence[QueryTerm]) -> bool:
        indexed = self._indexed.get((user_id, candidate.message_id or candidate.conversation.id))
        return indexed is not None and all(
            any(own.startswith(term.text) for own in indexed.terms) if term.is_prefix else term.text in indexed.terms
            for term in terms
        )


def _pending(conversation: Conversation, message: Message | None, title: str | None) -> PendingText:
    return PendingText(
        ticket=0,
        user_id=conversation.user_id,
        conversation_id=conversation.id,
        message_id=None if message is None else message.id,
        text=None if message is None else message.content[:MAX_INDEXED_CHARS],
        text_version=0 if message is None else len(message.content),
        title=title,
    )


def _key(text: PendingText) -> _Key:
    return text.user_id, text.message_id or text.conversation_id


def _order(candidate: Candidate) -> tuple[object, ...]:
    return candidate.conversation.updated_at, candidate.conversation.id, candidate.position
