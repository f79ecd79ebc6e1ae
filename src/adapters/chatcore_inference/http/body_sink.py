"""The seam between the transport and whoever wants body bytes as they come off the socket.

httpx hands a body out through a chain of asynchronous generators, which costs more per token than everything else
that a relay does. A request extension is httpx's own way to tell a transport more: under the name :data:`SINK` it
takes a :class:`BodySink`, and the transport calls it from the event loop's read callback.
"""

from typing import Protocol

import httpx

#: Key in `request.extensions` whose value is a :class:`BodySink`.
SINK = "chatcore.sink"


class BodySink(Protocol):
    """Takes the body of one response.

    The response's own stream then yields nothing: iterating it waits until the body has ended or the sink has had
    enough, and raises what went wrong. A transport that does not know the extension yields the body as usual, so a
    caller who feeds what it iterates works over any transport.
    """

    __slots__ = ()

    def accepts(self, status: int, headers: httpx.Headers) -> bool:
        """Whether it takes this response's body; asked once, before any of it."""
        ...

    def feed(self, data: bytes) -> bool:
        """Takes the next bytes, all that one read brought; returns whether it has had enough, and is not called again.

        Whatever it raises ends the exchange and is raised to whoever iterates the response's stream.
        """
        ...
