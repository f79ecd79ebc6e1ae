"""Translates what httpx raises into the core's errors."""

import httpx

from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)

#: What a call over HTTP can fail with.
FAILURES = (TimeoutError, httpx.TransportError)


def translated(error: Exception) -> InferenceError:
    """Returns the core's error for one of :data:`FAILURES`."""
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return InferenceTimeoutError()
        case httpx.ConnectError() | httpx.UnsupportedProtocol() | httpx.ProxyError():
            return InferenceUnreachableError()
        case _:
            return InferenceInterruptedError()
