"""Limits the connections of a process, and keeps room for probes and for the process's own connections.

A connection beyond the limit takes the place of the connection that has been idle for the longest time. A connection is
idle unless it has a request whose headers are complete and whose response is not: otherwise, callers that never finish
a request would shut out all others. If no connection is idle, the new one is extra: it may send a probe, every other
request is refused, and it is closed after one response.
"""

from typing import Protocol

#: Most extra connections. A further one takes the place of the oldest.
MAX_EXTRA = 32


class Connection(Protocol):
    """Is a connection that can be closed for another one."""

    def give_way(self) -> None:
        """Closes the connection, because another one needs its place."""
        ...


class ConnectionLimit:
    """Counts the open connections of a process.

    Args:
        most: the maximum number of connections that are not extra.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._regular: set[Connection] = set()
        # A dictionary keeps its keys in the order in which they were added.
        self._idle: dict[Connection, None] = {}
        self._extra: dict[Connection, None] = {}

    def admit(self, connection: Connection) -> bool:
        """Counts a new, idle connection; returns False if the connection is extra."""
        if len(self._regular) >= self._most and not self._end_oldest(self._idle):
            if len(self._extra) >= MAX_EXTRA:
                self._end_oldest(self._extra)
            self._extra[connection] = None
            return False
        self._regular.add(connection)
        self._idle[connection] = None
        return True

    def mark_idle(self, connection: Connection) -> None:
        """Notes that all requests of a connection have their responses."""
        if connection in self._regular:
            self._idle[connection] = None

    def mark_busy(self, connection: Connection) -> None:
        """Notes that the headers of a request are complete."""
        self._idle.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """Stops counting a connection, which is closed. A second call has no effect."""
        self._regular.discard(connection)
        self._idle.pop(connection, None)
        self._extra.pop(connection, None)

    def _end_oldest(self, connections: dict[Connection, None]) -> bool:
        for connection in connections:
            # The connection stops counting now, because the transport reports its loss later.
            self.leave(connection)
            connection.give_way()
            return True
        return False
