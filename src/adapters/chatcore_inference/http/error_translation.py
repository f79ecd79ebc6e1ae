"""Translates the exceptions of httpx into the core's errors."""

import httpx

from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)

#: The exceptions with which a call over HTTP can fail.
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
