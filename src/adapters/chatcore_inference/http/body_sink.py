"""The seam between the transport and a consumer that takes body bytes straight from the socket.

httpx hands out a body through a chain of asynchronous generators, which costs more for each token than everything else
that a relay does. Request extensions are httpx's own way to tell a transport more: under the key :data:`SINK` our
transport takes a :class:`BodySink` and calls it from the event loop's read callback.
"""

from typing import Protocol

import httpx

#: Key in `request.extensions` whose value is a :class:`BodySink`.
SINK = "chatcore.sink"


class BodySink(Protocol):
    """Takes the body of one response.

    The response's own stream then yields nothing: iterating over it waits until the body has ended or the sink has
    enough, and raises what went wrong. A transport that does not know the extension yields the body as usual, so a
    caller that feeds the sink with what it iterates over works with any transport.
    """

    __slots__ = ()

    def accepts(self, status: int, headers: httpx.Headers) -> bool:
        """Returns whether the sink takes this response's body; called once, before any of it."""
        ...

    def feed(self, data: bytes) -> bool:
        """Takes all bytes that one read brought; returns whether the sink has enough and must not be called again.

        Whatever it raises ends the exchange and is raised to the caller that iterates over the response's stream.
        """
        ...
