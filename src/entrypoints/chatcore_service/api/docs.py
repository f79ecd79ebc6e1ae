"""Serves the API reference: ``/openapi.json`` for programs and ``/docs`` for people."""

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.http import paths
from chatcore_service.http.encoding import Json, json_response
from chatcore_service.http.endpoints import PublicEndpoints, public
from chatcore_service.http.media_types import JSON
from chatcore_service.http.operation import DocumentedResponse, Operation
from chatcore_service.http.resource import PublicResource
from chatcore_service.openapi.page import ASSETS, PAGE, StaticFile

# The renderer needs inline styles, because it computes its theme and sets style attributes. It needs no inline script
# and no eval. `connect-src` prevents the page from sending a token that a reader enters to another host.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@frozen(kw_only=True)
class OpenApiEndpoints(PublicEndpoints):
    """Serves the OpenAPI document, and a page that shows the document."""

    document: Json

    def resources(self) -> list[PublicResource]:
        """Returns a resource for each path, and one for each file that the page loads."""
        return [*super().resources(), *map(_asset_resource, ASSETS)]

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
        return _static_response(PAGE, {"Content-Security-Policy": _POLICY})


def _asset_resource(asset: StaticFile) -> PublicResource:
    async def show_asset(_request: Request) -> Response:
        return _static_response(asset, {"Cache-Control": "public, max-age=31536000, immutable"})

    return PublicResource(asset.path, {"GET": show_asset, "HEAD": show_asset})


def _static_response(file: StaticFile, headers: dict[str, str]) -> Response:
    return Response(file.content, media_type=file.media_type, headers=headers)
