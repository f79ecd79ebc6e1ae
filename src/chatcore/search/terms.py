"""Makes the search terms of a text, by which an index finds the text.

The terms of a text are its words. Where a script has no spaces, they are all pairs of neighbouring characters, and the
last character of each run, so that any run of characters can be looked up.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from chatcore.search.folding import UNSPACED, WORD, fold, kinds

#: No more of a text is indexed, in code points.
MAX_INDEXED_CHARS = 50_000
#: A text has at most so many terms; further ones are left out.
MAX_TERMS = 5000
#: A longer word is indexed by its beginning.
MAX_TERM_CHARS = 40

_RUN = re.compile(f"{WORD}+|{UNSPACED}+")
_ASCII_WORD = re.compile("[0-9a-z]+")


def terms_of(text: str) -> tuple[str, ...]:
    """Returns the terms of a text, each once, in the order in which they occur first."""
    folded = fold(text[:MAX_INDEXED_CHARS])
    terms: dict[str, None] = {}
    for word in _ascii_words(folded) if folded.isascii() else _terms(folded):
        terms[word] = None
        if len(terms) == MAX_TERMS:
            break
    return tuple(terms)


def runs(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yields the runs of characters of one kind that are searched for: the kind, the start and the end of each."""
    found = kinds(folded)
    for run in _RUN.finditer(found):
        yield found[run.start()], run.start(), run.end()


def pairs(run: str) -> Iterator[str]:
    """Yields the pairs of neighbouring characters of a run."""
    return map("".join, pairwise(run))


def _ascii_words(folded: str) -> Iterator[str]:
    for word in _ASCII_WORD.finditer(folded):
        yield word[0][:MAX_TERM_CHARS]


def _terms(folded: str) -> Iterator[str]:
    for kind, start, end in runs(folded):
        if kind == WORD:
            yield folded[start:end][:MAX_TERM_CHARS]
        else:
            yield from pairs(folded[start:end])
            yield folded[end - 1]
