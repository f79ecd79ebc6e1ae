"""The inference port over HTTP and server-sent events."""

import asyncio
import re
import ssl
import string
from collections.abc import Callable
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self, cast
from urllib.parse import quote

import httpx
import orjson
import structlog

from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)
from chatcore.key_ring import Key, KeyRing
from chatcore.ports import Frame, Inference, InferenceReply, InferenceRequest
from chatcore_inference.http.body_sink import SINK
from chatcore_inference.http.direct_client import DirectClient
from chatcore_inference.http.receiver import ReplyReceiver, is_event_stream, is_plain
from chatcore_inference.http.transport import SinkTransport
from chatcore_inference.http.watchdog import Watchdog
from chatcore_inference.limits import InferenceLimits, InferenceTimeouts

_log = structlog.get_logger(__name__)

# A user id is opaque and a header is visible ASCII: the rest is percent-encoded, and so is the percent sign.
_KEPT_IN_HEADERS = string.punctuation.replace("%", "")
_LOGGED_CHARS = 100
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "chatcore"}
_JSON = {"content-type": "application/json"}
# No user's token goes along that these could be about.
_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_WHOLE_NUMBER = re.compile(r"[0-9]{1,5}")
# A parser takes any three digits, but no server sends others than it knows.
_HIGHEST_STATUS = 599
_SECONDS_OF_A_DAY = 24 * 60 * 60
_Failure = (TimeoutError, httpx.TransportError)


class InferenceClient(Inference):
    """Asks the models of one inference service.

    Made closed: `open()` it, or use it as an async context manager, in the event loop that will use it.

    Args:
        base_url: of the inference service, such as ``http://inference:8000``.
        internal_api_key: the key that proves us to it; several, separated by commas, while it is being changed; None
            sends none.
        timeouts: how long it may take.
        limits: how much it may send, over how many connections.
        ssl_context: for https; the system's certificate authorities by default.
        transport: in place of our own. Any httpx transport will do, at a higher price per token.

    Raises:
        ValueError: the URL is not one of http or https, or holds credentials, a query or a fragment.
    """

    def __init__(
        self,
        base_url: str,
        internal_api_key: str | None,
        *,
        timeouts: InferenceTimeouts | None = None,
        limits: InferenceLimits | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._timeouts = timeouts or InferenceTimeouts()
        self._limits = limits or InferenceLimits()
        self._watchdog = Watchdog(self._timeouts)
        self._keys = KeyRing(internal_api_key or "")
        self._http = DirectClient(
            base_url=_checked_url(base_url),
            headers=_HEADERS,
            timeout=httpx.Timeout(
                None, connect=self._timeouts.connect_seconds, pool=self._timeouts.queue_seconds
            ),  # The waits after these two are bounded as a whole, here: a drip of bytes does not extend them.
            transport=transport
            or SinkTransport(
                max_connections=self._limits.max_connections,
                max_header_bytes=self._limits.max_header_bytes,
                ssl_context=ssl_context,
            ),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=False,
        )
        # What all requests for a reply have in common is put together once: a turn that is stored waits for it.
        self._asking = self._http.build_request("POST", "generate", headers={**_JSON, "accept": "text/event-stream"})
        del self._asking.headers["content-length"]
        self._is_open = False

    async def open(self) -> None:
        """Makes the client usable; connections are made when they are needed."""
        self._is_open = True

    async def close(self) -> None:
        """Breaks off calls under way (they raise InferenceInterruptedError) and closes all connections.

        A closed client cannot be opened again.
        """
        self._is_open = False
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """See :meth:`chatcore.ports.Inference.generate`; whatever `on_frame` raises is raised here."""
        self._require_open()
        receiver = ReplyReceiver(on_frame, self._limits)
        sending = [self._send(request, receiver)]
        del request  # Tens of kB of history need not be kept for as long as the reply takes, nor need the message.
        try:
            async with asyncio.timeout(self._timeouts.total_seconds) as limit:
                with self._watchdog.watching(receiver, limit):
                    await self._receive(await sending.pop(), receiver)
        except _Failure as error:
            if not receiver.finish():
                raise _translated(error) from error
        if not receiver.finish():
            raise InferenceInterruptedError

    async def list_models(self, *, trace_id: str | None = None) -> InferenceReply:
        """See :meth:`chatcore.ports.Inference.list_models`."""
        return await self._call(self._http.build_request("GET", "models", headers=_trace_header(trace_id)))

    async def swap_model(self, model_tag: str, *, trace_id: str | None = None) -> InferenceReply:
        """See :meth:`chatcore.ports.Inference.swap_model`."""
        body = orjson.dumps({"model_tag": model_tag})
        return await self._call(
            self._http.build_request("POST", "models/swap", content=body, headers={**_JSON, **_trace_header(trace_id)})
        )

    async def ping(self) -> None:
        """See :meth:`chatcore.ports.Inference.ping`; any HTTP answer will do."""
        self._require_open()
        try:
            async with asyncio.timeout(self._timeouts.ping_seconds):
                message = self._http.build_request("GET", "models")
                response = await self._send_by(self._keys.current, message)
                await response.aclose()
        except _Failure as error:
            raise _translated(error) from error

    async def _send(self, request: InferenceRequest, receiver: ReplyReceiver) -> httpx.Response:
        try:
            return await self._send_by_any(self._message(request, receiver))
        except httpx.RemoteProtocolError as error:
            raise InferenceRefusedError from error

    def _message(self, request: InferenceRequest, receiver: ReplyReceiver) -> httpx.Request:
        asking, body = self._asking, _body_of(request)
        return httpx.Request(
            asking.method,
            asking.url,
            headers=[*asking.headers.raw, (b"Content-Length", b"%d" % len(body)), *_whose(request)],
            stream=httpx.ByteStream(body),
            extensions={**asking.extensions, SINK: receiver},
        )

    async def _send_by_any(self, message: httpx.Request) -> httpx.Response:
        """Sent once more where one of several keys of ours is refused: then nothing has been done yet."""
        key = self._keys.current
        response = await self._send_by(key, message)
        other = self._keys.another(key) if response.status_code in _KEY_REFUSED else None
        if other is None:
            return response
        await response.aclose()
        response = await self._send_by(other, message)
        if response.is_success and self._keys.take(other):
            _log.info("the inference service takes another of our internal keys", position=other.position)
        return response

    async def _send_by(self, key: Key, message: httpx.Request) -> httpx.Response:
        if key.text:
            message.headers["x-internal-api-key"] = key.text
        return await self._http.send_directly(message)

    async def _receive(self, response: httpx.Response, receiver: ReplyReceiver) -> None:
        try:
            if not is_event_stream(response.status_code, response.headers):
                _log_refusal(response)
                raise InferenceRefusedError
            # Our own transport yields nothing here, it waits: the receiver is fed straight from the socket. The stream
            # itself is read, plain as it is: the decoders and chunkers of a response cost 2 kB.
            async for data in cast("httpx.AsyncByteStream", response.stream):
                if receiver.feed(data):
                    break
        finally:
            await response.aclose()

    async def _call(self, message: httpx.Request) -> InferenceReply:
        self._require_open()
        try:
            async with asyncio.timeout(self._timeouts.answer_seconds):
                response = await self._send_by_any(message)
                try:
                    return await self._read(response)
                finally:
                    await response.aclose()
        except _Failure as error:
            raise _translated(error) from error

    async def _read(self, response: httpx.Response) -> InferenceReply:
        if not is_plain(response.headers) or response.status_code > _HIGHEST_STATUS:
            raise InferenceRefusedError
        body = bytearray()
        async for data in response.aiter_bytes():
            body += data
            if len(body) > self._limits.max_answer_bytes:
                raise InferenceRefusedError("The answer of the inference service is too large.")
        media_type = response.headers.get("content-type", "application/octet-stream")
        return InferenceReply(response.status_code, bytes(body), media_type, _retry_after(response.headers))

    def _require_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the inference client is not open")


def _checked_url(base_url: str) -> httpx.URL:
    url = httpx.URL(base_url)
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("the inference service's URL must be http(s)://host[:port][/path]")
    return url


def _trace_header(trace_id: str | None) -> dict[str, str]:
    return {} if trace_id is None else {"x-trace-id": trace_id}


def _whose(request: InferenceRequest) -> list[tuple[bytes, bytes]]:
    user = (b"X-User-Id", quote(request.user_id, safe=_KEPT_IN_HEADERS).encode("ascii"))
    return [user] if request.trace_id is None else [user, (b"X-Trace-Id", request.trace_id.encode("ascii"))]


def _body_of(request: InferenceRequest) -> bytes:
    return orjson.dumps(
        {
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": request.sampling.temperature,
            "max_tokens": request.sampling.max_tokens,
            "top_k": request.sampling.top_k,
        }
    )


def _retry_after(headers: httpx.Headers) -> int | None:
    # A date is passed over: whose clock is right?
    seconds = headers.get("retry-after", "").strip()
    if not _WHOLE_NUMBER.fullmatch(seconds) or not 1 <= int(seconds) <= _SECONDS_OF_A_DAY:
        return None
    return int(seconds)


def _log_refusal(response: httpx.Response) -> None:
    media_type = response.headers.get("content-type", "")[:_LOGGED_CHARS]
    _log.warning("inference_refused", status=response.status_code, content_type=media_type)


def _translated(error: Exception) -> InferenceError:
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return InferenceTimeoutError()
        case httpx.ConnectError() | httpx.UnsupportedProtocol() | httpx.ProxyError():
            return InferenceUnreachableError()
        case _:
            return InferenceInterruptedError()
