"""CORS, whose refusals are problem documents too."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from chatcore_service.http import problems
from chatcore_service.http.refusals import PreflightRefusedError

_REFUSED = 400
_OF_THE_BODY = frozenset({"content-length", "content-type"})


class ProblemCORSMiddleware(CORSMiddleware):
    """Starlette's, whose own refusals are plain text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Whether a browser's script may send what it is about to."""
        response = super().preflight_response(request_headers)
        if response.status_code != _REFUSED:
            return response
        return problems.refused(
            PreflightRefusedError(
                headers={name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}
            )
        )
