"""Serves the built-in page, its files, and what it needs to know of the service."""

from typing import Annotated

from attrs import field, frozen
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chatcore.input_limits import InputLimits
from chatcore_service.console.files import ConsoleFiles, console_files
from chatcore_service.console.policy import console_policy
from chatcore_service.console.responses import file_response
from chatcore_service.console.sign_in import OidcSignIn, ProxySignIn, SignIn, TokenSignIn
from chatcore_service.http import paths
from chatcore_service.http.encoding import Json, encoded_by, encoder, json_response
from chatcore_service.http.endpoints import PublicEndpoints, public
from chatcore_service.http.fields import Count, Doc
from chatcore_service.http.operation import DocumentedResponse, Operation, documented_json
from chatcore_service.http.refusals import RouteNotFoundError
from chatcore_service.http.resource import PublicResource

# For what has the same path in all versions: a browser has to ask whether it has changed.
_ASK_EACH_TIME = {"Cache-Control": "no-cache"}
_SIGN_INS = {type_: encoder(type_) for type_ in (TokenSignIn, ProxySignIn, OidcSignIn)}


def _sign_in_json(sign_in: TokenSignIn | ProxySignIn | OidcSignIn) -> Json:
    return _SIGN_INS[type(sign_in)](sign_in)


@frozen(kw_only=True)
class _PageLimits:
    message_characters: Count
    title_characters: Count
    temperature: Annotated[float, Doc("The highest temperature.")]
    reply_tokens: Annotated[Count, Doc("The highest `max_tokens`.")]


@frozen(kw_only=True)
class ConsoleConfigDocument:
    """What the built-in page needs to know of the service."""

    sign_in: Annotated[TokenSignIn | ProxySignIn | OidcSignIn, Doc("How the reader signs in.")] = field(
        metadata=encoded_by(_sign_in_json)
    )
    limits: _PageLimits


_config_json = encoder(ConsoleConfigDocument)


@frozen(kw_only=True)
class ConsoleEndpoints(PublicEndpoints):
    """Serves the page at the service's address; without the page, that address leads to the API reference."""

    is_enabled: bool
    sign_in: SignIn
    limits: InputLimits

    def resources(self) -> list[PublicResource]:
        """Returns the resources of the page, of its configuration and of its files."""
        if not self.is_enabled:
            return [PublicResource(paths.ROOT, dict.fromkeys(("GET", "HEAD"), _redirect_to_docs))]
        files = console_files()

        async def show_loading(request: Request) -> Response:
            return file_response(request, files.loading, _ASK_EACH_TIME)

        async def show_file(request: Request) -> Response:
            return _file(request, files)

        return [
            *super().resources(),
            PublicResource(paths.CONSOLE_LOADING, {"GET": show_loading, "HEAD": show_loading}),
            PublicResource(paths.CONSOLE_FILE, {"GET": show_file, "HEAD": show_file}),
        ]

    @public(
        Operation(
            method="GET",
            path=paths.ROOT,
            id="root",
            responses=(
                DocumentedResponse(
                    status=200, description="The built-in page.", content={"text/html": str}, headers=None
                ),
                DocumentedResponse(
                    status=304, description="The browser has the page, as `If-None-Match` says.", headers=None
                ),
                DocumentedResponse(
                    status=307,
                    description="The service has no built-in page (`CONSOLE=false`). The API reference is elsewhere.",
                    headers=("Docs-Location",),
                ),
            ),
        )
    )
    async def show_page(self, request: Request) -> Response:
        """Shows a page on which people chat."""
        headers = {
            **_ASK_EACH_TIME,
            "Content-Security-Policy": console_policy(await self.sign_in.addresses()),
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        return file_response(request, console_files().page, headers)

    @public(
        Operation(
            method="GET",
            path=paths.CONSOLE_CONFIG,
            id="consoleConfig",
            responses=(documented_json(200, ConsoleConfigDocument, "What the built-in page needs to know."),),
            problems=(404, 503),
        )
    )
    async def show_config(self, _request: Request) -> Response:
        """Returns how the reader of the built-in page signs in, and the limits of what one may enter."""
        document = ConsoleConfigDocument(
            sign_in=await self.sign_in.describe(),
            limits=_PageLimits(
                message_characters=self.limits.max_content_chars,
                title_characters=self.limits.max_title_chars,
                temperature=self.limits.max_temperature,
                reply_tokens=self.limits.max_tokens,
            ),
        )
        return json_response(_config_json(document))


async def _redirect_to_docs(_request: Request) -> Response:
    return RedirectResponse(paths.DOCS)


def _file(request: Request, files: ConsoleFiles) -> Response:
    file = files.by_name.get(request.path_params["name"])
    if file is None or request.path_params["digest"] != files.digest:
        raise RouteNotFoundError
    return file_response(request, file, {"Cache-Control": "max-age=31536000, immutable"})
