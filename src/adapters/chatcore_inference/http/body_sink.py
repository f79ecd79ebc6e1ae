"""Defines the interface between the transport and a consumer that takes body bytes straight from the socket.

httpx passes a body through a chain of asynchronous generators, which costs more for each token than all other work of
a relay. Request extensions are httpx's own way to give a transport more information: under the key :data:`SINK` our
transport takes a :class:`BodySink` and calls the sink from the event loop's read callback.
"""

from typing import Protocol

import httpx

#: The key in `request.extensions` whose value is a :class:`BodySink`.
SINK = "chatcore.sink"


class BodySink(Protocol):
    """Takes the body of one response.

    The response's own stream then yields nothing: iterating over the stream waits until the body has ended or the
    sink has enough, and raises the error of a failure. A transport that does not know the extension yields the body as
    usual, so a caller that feeds the sink with the chunks of the stream works with any transport.
    """

    __slots__ = ()

    def accepts(self, status: int, headers: httpx.Headers) -> bool:
        """Returns whether the sink takes this response's body. The transport asks once, before it reads the body."""
        ...

    def feed(self, data: bytes) -> bool:
        """Takes all bytes of one read; returns whether the sink has enough and must not be called again.

        An error that the method raises ends the exchange and is raised to the caller that iterates over the response's
        stream.
        """
        ...
