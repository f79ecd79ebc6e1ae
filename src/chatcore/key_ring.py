"""Chooses among our keys to a service: there are several while one replaces another."""

from itertools import count

from attrs import field, frozen


@frozen
class Key:
    """One of our keys to a service."""

    #: Counts from 1 in the order of the setting; identifies the key in logs, which never contain the key itself.
    position: int
    text: str = field(repr=False)


def keys_in(text: str) -> tuple[Key, ...]:
    """Parses a setting that separates keys by commas; white space around a key is not part of it."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(Key(position, part) for position, part in enumerate(filter(None, parts), start=1))


class KeyRing:
    """Selects the key to send to a service.

    The current key is sent until the service refuses it. Each refusal leads to one attempt with one other key, so that
    a request costs at most one additional call. A key that the service accepts becomes the current one. A refusal alone
    does not change the current key, since it may be about the request.

    Args:
        keys: separated by commas; empty for a service that needs no key.
    """

    def __init__(self, keys: str) -> None:
        self._keys = keys_in(keys) or (Key(1, ""),)
        self._current = self._keys[0]
        self._refusals = count()

    @property
    def current(self) -> Key:
        """The key that was accepted last, at first the first one; its text is empty if there are no keys."""
        return self._current

    def another(self, refused: Key) -> Key | None:
        """Returns a key to try instead of the refused one; None if there is no other."""
        if refused.position != self._current.position:
            # Meanwhile another call has found a key that is accepted.
            return self._current
        others = [key for key in self._keys if key.position != refused.position]
        return others[next(self._refusals) % len(others)] if others else None

    def take(self, key: Key) -> bool:
        """Makes `key` the current one, since the service accepted it; returns whether the current key changed."""
        has_changed = key.position != self._current.position
        self._current = key
        return has_changed
