"""Sends requests with one of our keys."""

from collections.abc import Callable
from http import HTTPStatus

import httpx
import structlog

from chatcore.errors import InferenceKeyRefusedError
from chatcore.key_ring import Key, KeyRing
from chatcore_inference.http.direct_client import DirectClient

_log = structlog.get_logger(__name__)

# These statuses can only concern our key, because no user's token is sent.
_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class KeyedSender:
    """Sends requests to the inference service with a key that the service takes.

    Args:
        http: the client that sends the requests.
        keys: our keys.
        authorize: adds a key to the headers of a request.
    """

    def __init__(self, http: DirectClient, keys: KeyRing, authorize: Callable[[httpx.Headers, str], None]) -> None:
        self._http = http
        self._keys = keys
        self._authorize = authorize

    async def send(self, message: httpx.Request) -> httpx.Response:
        """Sends the request, and sends it once more with another of our keys if the service refuses the first key.

        Raises:
            InferenceKeyRefusedError: the service refuses our key. Its response is not passed on: a browser would take
                the status for a refusal of its own token.
        """
        key = self._keys.current
        response = await self._send_by(key, message)
        if response.status_code not in _KEY_REFUSED:
            return response
        await response.aclose()
        other = self._keys.another(key)
        if other is None:
            raise _key_refused(response)
        response = await self._send_by(other, message)
        if response.status_code in _KEY_REFUSED:
            await response.aclose()
            raise _key_refused(response)
        if response.is_success and self._keys.take(other):
            _log.info("the inference service takes another of our internal keys", position=other.position)
        return response

    async def _send_by(self, key: Key, message: httpx.Request) -> httpx.Response:
        if key.text:
            self._authorize(message.headers, key.text)
        return await self._http.send_directly(message)


def _key_refused(response: httpx.Response) -> InferenceKeyRefusedError:
    _log.error("the inference service refuses our internal key", status=response.status_code)
    return InferenceKeyRefusedError()
