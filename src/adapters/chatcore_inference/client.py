"""Implements the inference port and the models port over HTTP and server-sent events."""

import asyncio
import ssl
from collections.abc import Callable
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self, cast

import httpx
import structlog

from chatcore.errors import InferenceInterruptedError, InferenceRefusedError, ModelsRefusedError
from chatcore.key_ring import KeyRing
from chatcore.ports import Frame, Inference, InferenceRequest, Models, ModelsDocument
from chatcore_inference.http.body_sink import SINK
from chatcore_inference.http.direct_client import DirectClient
from chatcore_inference.http.error_translation import FAILURES, translated
from chatcore_inference.http.keyed_sender import KeyedSender
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.http.response_head import is_event_stream, is_plain, retry_after_seconds
from chatcore_inference.http.transport import SinkTransport
from chatcore_inference.http.watchdog import Watchdog
from chatcore_inference.http.whole_body import read_whole
from chatcore_inference.limits import InferenceLimits, InferenceTimeouts
from chatcore_inference.protocols.samosachaat.protocol import SamosachaatProtocol
from chatcore_inference.protocols.wire_protocol import WireProtocol

_log = structlog.get_logger(__name__)

_LOGGED_CHARS = 100
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "chatcore"}
_JSON = {"content-type": "application/json"}
# A parser accepts any three digits, but no server sends statuses that it does not know.
_HIGHEST_STATUS = 599


class InferenceClient(Inference, Models):
    """Sends requests for replies and models to one inference service.

    A new client is closed. Call `open()` in the event loop that will use the client, or use the client there as an
    async context manager.

    Args:
        base_url: the URL of the inference service, such as ``http://inference:8000``.
        internal_api_key: the key that identifies us to the service; during a key rotation several keys, separated by
            commas; None to send no key.
        timeouts: the longest time that each step may take.
        limits: how much the service may send, and over how many connections.
        ssl_context: the TLS settings for https; the system's certificate authorities by default.
        transport: the transport that replaces our own. Any httpx transport works, at a higher price per token.
        protocol: the protocol that the service understands; samosachaat's by default.

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
        protocol: WireProtocol | None = None,
    ) -> None:
        self._timeouts = timeouts or InferenceTimeouts()
        self._limits = limits or InferenceLimits()
        self._protocol = protocol or SamosachaatProtocol()
        self._watchdog = Watchdog(self._timeouts)
        self._http = DirectClient(
            base_url=_checked_url(base_url),
            headers=_HEADERS,
            timeout=httpx.Timeout(
                None, connect=self._timeouts.connect_seconds, pool=self._timeouts.queue_seconds
            ),  # This class bounds all later waits as a whole, so that a drip of bytes does not extend them.
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
        self._keys = KeyRing(internal_api_key or "")
        self._sender = KeyedSender(self._http, self._keys, self._protocol.authorize)
        # The common part of all requests for a reply is built once: a stored turn waits while its request is built.
        self._template = self._http.build_request(
            "POST", self._protocol.generate_path, headers={**_JSON, "accept": "text/event-stream"}
        )
        del self._template.headers["content-length"]
        self._is_open = False

    async def open(self) -> None:
        """Makes the client usable; connections are made when they are needed."""
        self._is_open = True

    async def close(self) -> None:
        """Breaks off the calls in progress, which raise InferenceInterruptedError, and closes all connections.

        A closed client cannot be opened again.
        """
        self._is_open = False
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def can_continue(self) -> bool:
        """Returns whether the service can go on from its own text, as its protocol says."""
        return self._protocol.can_continue

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Calls `on_frame` as :meth:`chatcore.ports.Inference.generate` says, and raises every error of `on_frame`."""
        self._require_open()
        receiver = ReplyReceiver(
            on_frame, self._limits, self._protocol.event_reader(request), chars_before=len(request.so_far)
        )
        sending = [self._send(request, receiver)]
        del request  # Neither tens of kB of history nor the message must stay in memory during the whole reply.
        try:
            async with asyncio.timeout(self._timeouts.total_seconds) as limit:
                with self._watchdog.watching(receiver, limit):
                    await self._receive(await sending.pop(), receiver)
        except FAILURES as error:
            if not receiver.finish():
                raise translated(error) from error
        if not receiver.finish():
            raise InferenceInterruptedError

    async def list_models(self, *, trace_id: str | None = None) -> ModelsDocument:
        """Returns the service's list of its models, as :meth:`chatcore.ports.Models.list_models` says."""
        headers = self._protocol.trace_headers(trace_id)
        return await self._call(self._http.build_request("GET", self._protocol.models_path, headers=headers))

    async def swap_model(self, model_tag: str, *, trace_id: str | None = None) -> ModelsDocument:
        """Asks the service to load another model, as :meth:`chatcore.ports.Models.swap_model` says."""
        path, body = self._protocol.swap_request(model_tag)
        headers = {**_JSON, **self._protocol.trace_headers(trace_id)}
        return await self._call(self._http.build_request("POST", path, content=body, headers=headers))

    async def offers(self, model_tag: str, *, trace_id: str | None = None) -> bool:
        """Returns whether the service has a model of this name, as :meth:`chatcore.ports.Models.offers` says."""
        if not self._protocol.names_models:
            return True
        models = await self.list_models(trace_id=trace_id)
        return model_tag in self._protocol.model_names(models.content)

    async def ping(self) -> None:
        """Returns when the service answers, as :meth:`chatcore.ports.Inference.ping` says.

        Any HTTP answer will do that does not refuse our key.
        """
        self._require_open()
        try:
            async with asyncio.timeout(self._timeouts.ping_seconds):
                message = self._http.build_request("GET", self._protocol.models_path)
                response = await self._sender.send(message)
                await response.aclose()
        except FAILURES as error:
            raise translated(error) from error

    async def _send(self, request: InferenceRequest, receiver: ReplyReceiver) -> httpx.Response:
        try:
            return await self._sender.send(self._message(request, receiver))
        except httpx.RemoteProtocolError as error:
            raise InferenceRefusedError from error

    def _message(self, request: InferenceRequest, receiver: ReplyReceiver) -> httpx.Request:
        template, body = self._template, self._protocol.generate_body(request)
        length = (b"Content-Length", b"%d" % len(body))
        return httpx.Request(
            template.method,
            template.url,
            headers=[*template.headers.raw, length, *self._protocol.generate_headers(request)],
            stream=httpx.ByteStream(body),
            extensions={**template.extensions, SINK: receiver},
        )

    async def _receive(self, response: httpx.Response, receiver: ReplyReceiver) -> None:
        try:
            if not is_event_stream(response.status_code, response.headers):
                await self._receive_document(response, receiver)
                return
            # Our own transport yields nothing here and only waits: it feeds the receiver straight from the socket.
            # The raw stream is read, because the decoders and chunkers of a response take 2 kB of memory.
            async for data in cast("httpx.AsyncByteStream", response.stream):
                if receiver.feed(data):
                    break
        finally:
            await response.aclose()

    async def _receive_document(self, response: httpx.Response, receiver: ReplyReceiver) -> None:
        """Receives what is no event stream: the document with which the service refuses, or a whole reply."""
        if response.status_code != HTTPStatus.OK or not receiver.reads_documents:
            _log_refusal(response)
        document = b""
        if receiver.reads_documents and is_plain(response.headers):
            document = await read_whole(cast("httpx.AsyncByteStream", response.stream), self._limits.max_frame_bytes)
        try:
            receiver.feed_document(response.status_code, document)
        except InferenceRefusedError as error:
            error.retry_after_seconds = retry_after_seconds(response.headers) or error.retry_after_seconds
            raise

    async def _call(self, message: httpx.Request) -> ModelsDocument:
        self._require_open()
        try:
            async with asyncio.timeout(self._timeouts.answer_seconds):
                response = await self._sender.send(message)
                try:
                    return await self._read(response)
                finally:
                    await response.aclose()
        except FAILURES as error:
            raise translated(error) from error

    async def _read(self, response: httpx.Response) -> ModelsDocument:
        if not is_plain(response.headers) or response.status_code > _HIGHEST_STATUS:
            raise InferenceRefusedError
        return _models_document(response, await read_whole(response.aiter_bytes(), self._limits.max_answer_bytes))

    def _require_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the inference client is not open")


def _checked_url(base_url: str) -> httpx.URL:
    url = httpx.URL(base_url)
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("the inference service's URL must be http(s)://host[:port][/path]")
    return url


def _models_document(response: httpx.Response, body: bytes) -> ModelsDocument:
    media_type = response.headers.get("content-type", "application/octet-stream")
    if response.is_success:
        return ModelsDocument(content=body, media_type=media_type, status=response.status_code)
    raise ModelsRefusedError(
        body,
        status=response.status_code,
        media_type=media_type,
        retry_after_seconds=retry_after_seconds(response.headers),
    )


def _log_refusal(response: httpx.Response) -> None:
    media_type = response.headers.get("content-type", "")[:_LOGGED_CHARS]
    retry_after = retry_after_seconds(response.headers)
    _log.warning(
        "inference_refused",
        status=response.status_code,
        content_type=media_type,
        **({} if retry_after is None else {"retry_after": retry_after}),
    )
