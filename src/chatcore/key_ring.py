"""Our keys to a service: several, while one takes the place of another."""

from itertools import count

from attrs import field, frozen


@frozen
class Key:
    """One of the keys."""

    #: From 1, in the order in which they were given; for logs, which never hold the key.
    position: int
    text: str = field(repr=False)


def keys_in(text: str) -> tuple[Key, ...]:
    """The keys in a setting that separates them by commas; white space around a key is none of it."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(Key(position, part) for position, part in enumerate(filter(None, parts), start=1))


class KeyRing:
    """Which of our keys to show to a service.

    The first is shown until it is refused. Then another is tried, one for each refusal, so that a request costs one
    call more at most; the one that the service takes is shown from then on. A refusal alone changes nothing: it may
    be about the request.

    Args:
        keys: separated by commas; none for a service that wants none.
    """

    def __init__(self, keys: str) -> None:
        self._keys = keys_in(keys) or (Key(1, ""),)
        self._current = self._keys[0]
        self._refusals = count()

    @property
    def current(self) -> Key:
        """The key that was taken last; empty where there are none."""
        return self._current

    def another(self, refused: Key) -> Key | None:
        """A key to try in place of one that was refused; None where there is no other."""
        if refused.position != self._current.position:
            # Meanwhile another call found one that is taken.
            return self._current
        others = [key for key in self._keys if key.position != refused.position]
        return others[next(self._refusals) % len(others)] if others else None

    def take(self, key: Key) -> bool:
        """Shows this key from now on, since the service took it; returns whether that is news."""
        is_news = key.position != self._current.position
        self._current = key
        return is_news
