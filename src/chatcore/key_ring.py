"""Chooses the key to send to a service; there are several keys during a key rotation."""

from itertools import count

from attrs import field, frozen


@frozen
class Key:
    """A key that identifies us to a service."""

    #: The position of the key in the setting, from 1. It names the key in logs, which never contain the key's text.
    position: int
    text: str = field(repr=False)


def keys_in(text: str) -> tuple[Key, ...]:
    """Returns the keys of a setting that separates them by commas; white space around a key is removed."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(Key(position, part) for position, part in enumerate(filter(None, parts), start=1))


class KeyRing:
    """Selects the key to send to a service.

    The current key is sent until the service refuses it. Each refusal leads to one attempt with one other key, so that
    a request costs at most one additional call. A key that the service accepts becomes the current one. A refusal alone
    does not change the current key, since the cause may be the request.

    Args:
        keys: the keys, separated by commas; empty for a service that needs no key.
    """

    def __init__(self, keys: str) -> None:
        self._keys = keys_in(keys) or (Key(1, ""),)
        self._current = self._keys[0]
        self._refusals = count()

    @property
    def current(self) -> Key:
        """Returns the key that was accepted last, at first the first key. Without any keys, its text is empty."""
        return self._current

    def another(self, refused: Key) -> Key | None:
        """Returns a key to try instead of the refused one, or None if there is no other key."""
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
