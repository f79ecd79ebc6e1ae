"""httpx's client, with a way to send that does nothing else."""

import httpx


class DirectClient(httpx.AsyncClient):
    """Hands requests to its transport as they are.

    `send` would look for authentication, redirects, cookies and hooks, none of which there may be here, and time the
    response. That takes as long as to make the request and to read the head of its response, and a turn that is stored
    waits for it. Which transport it is stays httpx's own business, so that whatever mocks httpx is seen here too.
    """

    async def send_directly(self, request: httpx.Request) -> httpx.Response:
        """The response, as soon as its head is there; to be closed, its body read or not.

        Raises:
            httpx.TransportError: there is none.
        """
        return await self._transport_for_url(request.url).handle_async_request(request)
