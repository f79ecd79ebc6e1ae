"""Defines the refusals of requests that HTTP itself forbids; the core refuses all other requests."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from chatcore.errors import FieldProblem


class RefusedError(Exception):
    """Serves as the root of all refusals; ``str()`` is one clear sentence."""

    status: ClassVar[int] = 400
    #: Stable machine code.
    code: ClassVar[str] = "bad_request"
    sentence: ClassVar[str] = "The request is malformed."

    def __init__(
        self,
        sentence: str | None = None,
        *,
        problems: Iterable[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence or self.sentence)
        self.problems = tuple(problems)
        self.headers = headers or {}


class MalformedJsonError(RefusedError):
    """Reports that the body is not JSON."""

    code = "malformed_json"
    sentence = "The request body is not valid JSON."


class NotConfirmedError(RefusedError):
    """Reports that the caller did not confirm a request that destroys much."""

    code = "not_confirmed"

    def __init__(self, header: str, value: str) -> None:
        super().__init__(f"The request needs the header {header}: {value}.")


class IncompleteBodyError(RefusedError):
    """Reports that the caller disconnected in the middle of the body."""

    code = "incomplete_body"
    sentence = "The request body ended early."


class MalformedEventIdError(RefusedError):
    """Reports that the place at which to resume a stream is malformed."""

    code = "malformed_event_id"
    sentence = "Last-Event-ID must be the id of an event, and be given once."


class PreflightRefusedError(RefusedError):
    """Reports to a browser that its script may not call the API."""

    code = "preflight_refused"
    sentence = "This origin or method is not allowed here."


class ForeignOriginError(RefusedError):
    """Reports that a request that changes something comes from a page of another site; only behind a trusted proxy."""

    status = 401
    code = "foreign_origin"
    sentence = "A request that changes something must come from a page of this service or of a known frontend."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class TokenRequiredError(RefusedError):
    """Reports that a request needs a bearer token, whatever else proves who calls."""

    status = 403
    code = "token_required"
    sentence = "Behind a trusted proxy, conversations are exported with the command chatcore export only."


class RouteNotFoundError(RefusedError):
    """Reports that the path does not exist."""

    status = 404
    code = "not_found"
    sentence = "There is nothing here."


class MethodNotAllowedError(RefusedError):
    """Reports that the path exists but does not support the method."""

    status = 405
    code = "method_not_allowed"
    sentence = "This resource does not support the method."


class BodyTimeoutError(RefusedError):
    """Reports that the body did not arrive in time."""

    status = 408
    code = "body_timeout"
    sentence = "The request body did not arrive in time."


class BodyTooLargeError(RefusedError):
    """Reports that the body is too large."""

    status = 413
    code = "body_too_large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The request body must be at most {max_bytes} bytes.", headers={"Connection": "close"})


class UnsupportedMediaTypeError(RefusedError):
    """Reports that the body is not plain JSON."""

    status = 415
    code = "unsupported_media_type"
    sentence = "The request body must be application/json in UTF-8, without a content encoding."


class UnsupportedUploadError(RefusedError):
    """Reports that a file is neither JSON nor JSON lines."""

    status = 415
    code = "unsupported_file_type"
    sentence = "The file must be application/json or application/x-ndjson in UTF-8, without a content encoding."

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


class UnknownFileFormatError(RefusedError):
    """Reports that a file has none of the formats that can be imported."""

    status = 422
    code = "unknown_format"
    sentence = "The file is neither an export of this service nor the conversations.json of ChatGPT. Unpack archives."


class TransferInProgressError(RefusedError):
    """Reports that an export, or an import, of the user is in progress already."""

    status = 429
    code = "transfer_in_progress"
    sentence = "Another export or import of this user is in progress."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5", "Connection": "close"})


class TooManyStreamsError(RefusedError):
    """Reports that the user has as many open streams as allowed."""

    status = 429
    code = "too_many_streams"
    sentence = "Too many streams are open for this user."

    def __init__(self, retry_after_seconds: int = 5) -> None:
        super().__init__(headers={"Retry-After": str(retry_after_seconds)})


class TooManyFeedsError(RefusedError):
    """Reports that the user has as many open feeds on this process as allowed."""

    status = 429
    code = "too_many_feeds"
    sentence = "Too many feeds are open for this user."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5"})


class TooManyConnectionsError(RefusedError):
    """Reports that the process has as many connections as allowed, and that none of them is idle."""

    status = 503
    code = "too_many_connections"
    sentence = "Too many connections are open."

    def __init__(self, retry_after_seconds: int = 5) -> None:
        super().__init__(headers={"Retry-After": str(retry_after_seconds)})


class OverloadedError(RefusedError):
    """Reports that as many turns wait to begin as the process can begin in time."""

    status = 503
    code = "overloaded"
    sentence = "Too many turns are waiting to begin."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class TooManyRequestsError(RefusedError):
    """Reports that the user has as many requests in progress as allowed."""

    status = 429
    code = "too_many_requests"
    sentence = "Too many requests of this user are in progress."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class TooFrequentRequestsError(RefusedError):
    """Reports that the user has sent as many requests in the last minute as allowed."""

    status = 429
    code = "too_frequent_requests"
    sentence = "This user has sent too many requests in the last minute."

    def __init__(self, retry_after_seconds: int = 1) -> None:
        super().__init__(headers={"Retry-After": str(retry_after_seconds)})


class TooManyBufferedBytesError(RefusedError):
    """Reports that the user's requests hold as much memory of the process as those of one user may."""

    status = 429
    code = "too_many_buffered_bytes"
    sentence = "Unfinished requests and unread responses of this user hold too much memory."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5", "Connection": "close"})


class BuffersFullError(RefusedError):
    """Reports that requests and responses hold as much memory of the process as they may."""

    status = 503
    code = "buffers_full"
    sentence = "Unfinished requests and unread responses hold too much memory of this process."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5", "Connection": "close"})


class HeadersTooLargeError(RefusedError):
    """Reports that the request line and headers are too large."""

    status = 431
    code = "headers_too_large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The request line and headers must be at most {max_bytes} bytes.")


class HeaderTimeoutError(RefusedError):
    """Reports that the headers did not arrive in time."""

    status = 408
    code = "header_timeout"
    sentence = "The request headers did not arrive in time."


class MalformedHttpError(RefusedError):
    """Reports that the received bytes are not an HTTP request."""

    code = "malformed_http"
    sentence = "This is not a valid HTTP request."
