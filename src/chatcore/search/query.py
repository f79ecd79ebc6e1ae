"""Reads what a user searches for, and finds it in a text."""

import unicodedata
from collections.abc import Iterator

from attrs import frozen

from chatcore.search.folding import OTHER, WORD, fold, kind_at
from chatcore.search.terms import MAX_TERM_CHARS, pairs, runs
from chatcore.text import require_text

#: A query has at most so many code points.
MAX_QUERY_CHARS = 500
# An index is asked for so many terms; the text is compared with the whole query all the same.
_MAX_TERMS = 64
# Signs that belong to what they are written to, as in `c#`, `@name` or `90%`.
_MEANT = frozenset("#@%&*/\\_")
# The marks that make another letter of a kana.
_SOUND_MARKS = ("\u3099", "\u309a")
# How many places of a word are found in a text.
_MAX_PLACES = 20


@frozen
class QueryTerm:
    """A term that a text must have, or a term with that beginning."""

    text: str
    is_prefix: bool = False


@frozen
class QueryWord:
    """A stretch of a query between spaces, which a text must have in one piece, such as `user_id` or `北京大学`."""

    #: The folded text, without punctuation around it.
    text: str
    #: Whether a word of the text may go on behind it.
    is_prefix: bool

    def places(self, folded: str) -> Iterator[tuple[int, int]]:
        """Yields where a folded text has the word: the start and the end of each place."""
        start = folded.find(self.text)
        while start >= 0:
            end = start + len(self.text)
            ends_well = folded[end : end + 1] not in _SOUND_MARKS and (
                self.is_prefix or not _is_within_word(folded, end)
            )
            if ends_well and not _is_within_word(folded, start):
                yield start, end
            start = folded.find(self.text, start + 1)

    def terms(self) -> Iterator[QueryTerm]:
        """Yields the terms that every text with this word has."""
        for kind, start, end in runs(self.text):
            run = self.text[start:end]
            if kind == WORD:
                goes_on = self.is_prefix and end == len(self.text) and len(run) < MAX_TERM_CHARS
                yield QueryTerm(run[:MAX_TERM_CHARS], goes_on)
            elif len(run) == 1:
                yield QueryTerm(run, is_prefix=True)
            else:
                yield from map(QueryTerm, pairs(run))


@frozen
class SearchQuery:
    """The words that a text must have, all of them; a query without any word finds nothing."""

    words: tuple[QueryWord, ...]

    @classmethod
    def parse(cls, text: str) -> "SearchQuery":
        """Returns the query that a user has written, whose last word may be the beginning of one.

        Raises:
            InvalidInputError: the text is empty, longer than MAX_QUERY_CHARS, or cannot be stored.
        """
        written = fold(require_text("q", text, max_chars=MAX_QUERY_CHARS)).split()
        stripped = [word for word in map(_without_punctuation, written) if next(runs(word), None)]
        return cls(tuple(QueryWord(word, place == len(stripped)) for place, word in enumerate(stripped, 1)))

    @property
    def terms(self) -> tuple[QueryTerm, ...]:
        """Returns terms that every text with these words has."""
        terms = dict.fromkeys(term for word in self.words for term in word.terms())
        return tuple(terms)[:_MAX_TERMS]

    def places(self, folded: str) -> tuple[tuple[int, int, int], ...] | None:
        """Returns where a folded text has the words, or None if the text does not have all of them.

        Each place is a start, an end and the number of the word. There are at most a few of each word.
        """
        found: list[tuple[int, int, int]] = []
        for number, word in enumerate(self.words):
            places = word.places(folded)
            first = next(places, None)
            if first is None:
                return None
            found.append((*first, number))
            found += [(*place, number) for place, _ in zip(places, range(_MAX_PLACES - 1), strict=False)]
        return tuple(sorted(found))


def _is_within_word(folded: str, position: int) -> bool:
    return kind_at(folded, position - 1) == WORD and kind_at(folded, position) == WORD


def _without_punctuation(word: str) -> str:
    start, end = 0, len(word)
    while start < end and _is_punctuation(word, start):
        start += 1
    while start < end and _is_punctuation(word, end - 1):
        end -= 1
    return word[start:end]


def _is_punctuation(word: str, position: int) -> bool:
    char = word[position]
    return kind_at(word, position) == OTHER and char not in _MEANT and unicodedata.category(char)[0] == "P"
