"""The API reference: ``/openapi.json`` for programs and ``/docs`` for people."""

import base64
import hashlib

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.http import paths
from chatcore_service.http.encoding import Json, json_response
from chatcore_service.http.endpoints import PublicEndpoints, public
from chatcore_service.http.operation import JSON, DocumentedResponse, Operation
from chatcore_service.openapi.page import STYLE, render_page

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# The page loads nothing and runs nothing; its one style sheet is known by its hash.
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"


@frozen(kw_only=True)
class OpenApiEndpoints(PublicEndpoints):
    """Serves the OpenAPI document, and a page that shows it."""

    document: Json

    @public(
        Operation(
            method="GET",
            path=paths.OPENAPI,
            id="openapi",
            responses=(
                DocumentedResponse(
                    status=200, description="The OpenAPI 3.1 document.", content={JSON: dict}, headers=None
                ),
            ),
        )
    )
    async def show_document(self, _request: Request) -> Response:
        """Returns this document."""
        return json_response(self.document)

    @public(
        Operation(
            method="GET",
            path=paths.DOCS,
            id="docs",
            responses=(
                DocumentedResponse(status=200, description="An HTML page.", content={"text/html": str}, headers=None),
            ),
        )
    )
    async def show_page(self, _request: Request) -> Response:
        """Shows this document as a page."""
        return Response(
            render_page(self.document), media_type="text/html", headers={"Content-Security-Policy": _POLICY}
        )
