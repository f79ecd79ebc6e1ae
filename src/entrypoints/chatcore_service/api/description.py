"""``/openapi.json`` and ``/docs``."""

import base64
import hashlib

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.api.documents import json_response
from chatcore_service.http import paths
from chatcore_service.http.resource import PublicResource
from chatcore_service.openapi import openapi_document, render_page
from chatcore_service.openapi.page import STYLE

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# The page loads nothing and runs nothing; its one style sheet is known by its hash.
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"


@frozen
class OpenApiEndpoints:
    """The description of the API."""

    def resources(self) -> list[PublicResource]:
        """The paths."""
        return [
            PublicResource(paths.OPENAPI, {"GET": self.document, "HEAD": self.document}),
            PublicResource(paths.DOCS, {"GET": self.page, "HEAD": self.page}),
        ]

    async def document(self, _request: Request) -> Response:
        """For machines."""
        return json_response(openapi_document())

    async def page(self, _request: Request) -> Response:
        """For people."""
        return Response(
            render_page(openapi_document()), media_type="text/html", headers={"Content-Security-Policy": _POLICY}
        )
