"""Searches the conversations of a user."""

from collections.abc import Sequence
from itertools import groupby

from attrs import define, field, frozen

from chatcore.conversations.message import MessageId
from chatcore.input_limits import require_ranges
from chatcore.ports.search import MAX_CANDIDATES, SearchIndex
from chatcore.search.listing import (
    BEGINNING,
    DEFAULT_SEARCH_PAGE,
    MAX_SEARCH_PAGE,
    Candidate,
    SearchPage,
    SearchPlace,
    SearchResult,
)
from chatcore.search.query import SearchQuery
from chatcore.search.snippet import snippet_of
from chatcore.user import User, UserId

# A request reads about so many code points. What it leaves is for the next page.
_MAX_READ_CHARS = 2_000_000
# A request looks so often for candidates.
_MAX_LOOKS = 20


@frozen(kw_only=True)
class Search:
    """Finds conversations by the words of their messages and titles.

    The index finds what has the terms of a query. Whether a text has the words in one piece is seen in the text itself,
    so that a result is never out of date.
    """

    index: SearchIndex

    async def find(
        self,
        user: User,
        text: str,
        *,
        limit: int = DEFAULT_SEARCH_PAGE,
        cursor: SearchPlace | None = None,
    ) -> SearchPage:
        """Returns the user's conversations that have all words in one message or in their title.

        The last word may be the beginning of one. A query that has punctuation only finds nothing. A page may have
        fewer results than requested, even none, and be followed by another one: where a great deal of text has the
        words but not in one piece, a page ends before it is full.

        Raises:
            InvalidInputError: the query is empty, longer than MAX_QUERY_CHARS or cannot be stored, or `limit` is out
                of its range.
            StorageUnavailableError: the storage gives no answer.
        """
        require_limit(limit)
        query = SearchQuery.parse(text)
        if not query.words:
            return SearchPage((), None)
        reading = _Reading(self.index, user.id, query, cursor or BEGINNING)
        return await reading.page(limit)


def require_limit(limit: int) -> None:
    """Raises InvalidInputError if a page can have no such number of results."""
    require_ranges(("limit", limit, 1, MAX_SEARCH_PAGE))


@define
class _Reading:
    """Reads one page."""

    _index: SearchIndex
    _user_id: UserId
    _query: SearchQuery
    _place: SearchPlace
    _results: list[SearchResult] = field(factory=list[SearchResult])
    _chars: int = 0

    async def page(self, limit: int) -> SearchPage:
        """Returns the page that begins after the place."""
        # One result more than requested tells whether another page follows.
        for _ in range(_MAX_LOOKS):
            looked = await self._index.find_candidates(self._user_id, self._query.terms, self._place)
            if await self._read_all(looked.found, limit):
                if looked.next_place is None:
                    return SearchPage(tuple(self._results), None)
                self._place = looked.next_place
            if len(self._results) > limit or self._chars >= _MAX_READ_CHARS:
                break
        if len(self._results) > limit:
            last = self._results[limit - 1].conversation
            return SearchPage(tuple(self._results[:limit]), SearchPlace.after(last))
        return SearchPage(tuple(self._results), self._place)

    async def _read_all(self, found: Sequence[Candidate], limit: int) -> bool:
        """Reads candidates until the page is full; returns whether none is left and none of their conversations."""
        by_conversation = [list(group) for _, group in groupby(found, lambda candidate: candidate.conversation.id)]
        texts: dict[MessageId, str] = {}
        for number, candidates in enumerate(by_conversation):
            for candidate in candidates:
                if candidate.message_id is not None and candidate.message_id not in texts:
                    wanted = limit + 1 - len(self._results)
                    firsts = [group[0] for group in by_conversation[number + 1 : number + wanted]]
                    texts |= await self._texts([candidate, *firsts])
                self._place = candidate.place
                if self._has_words(candidate, texts):
                    self._place = SearchPlace.after(candidate.conversation)
                    break
            else:
                if len(candidates) == MAX_CANDIDATES:
                    # The conversation may have more candidates, which come next.
                    return False
            if len(self._results) > limit or self._chars >= _MAX_READ_CHARS:
                return False
        return True

    async def _texts(self, candidates: Sequence[Candidate]) -> dict[MessageId, str]:
        ids = [candidate.message_id for candidate in candidates if candidate.message_id is not None]
        read = await self._index.read_indexed_texts(self._user_id, ids)
        self._chars += sum(map(len, read.values()))
        # A message that was deleted meanwhile is empty.
        return {id_: read.get(id_, "") for id_ in ids}

    def _has_words(self, candidate: Candidate, texts: dict[MessageId, str]) -> bool:
        id_ = candidate.message_id
        snippet = snippet_of(candidate.conversation.title if id_ is None else texts[id_], self._query)
        if snippet is None:
            return False
        self._results.append(SearchResult(candidate.conversation, id_, snippet))
        return True
