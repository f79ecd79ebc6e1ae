"""Authenticates requests by the user whom a trusted proxy names in a header.

The proxy logs people in, such as oauth2-proxy or Authelia, and hands on their requests. A browser shows its cookie to
the proxy by itself, also for a request that a page of another site makes, so the origin of a request that changes
something is checked as well.
"""

from collections.abc import Collection
from unicodedata import category

from starlette.requests import Request
from structlog.contextvars import bind_contextvars

from chatcore import User
from chatcore.administrators import Administrators
from chatcore.constant_time import is_one_of
from chatcore.errors import NotAuthenticatedError
from chatcore.text import MAX_USER_ID_CHARS
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.refusals import ForeignOriginError
from chatcore_service.http.security_scheme import SecurityScheme
from chatcore_service.http.trace import trace_id_of
from chatcore_service.networks import is_within
from chatcore_service.origins import is_origin_of
from chatcore_service.proxy_settings import SECRET_HEADER, ProxySettings

#: The methods that change nothing.
SAFE_METHODS = frozenset({"GET", "HEAD"})

_SENTENCE = "The request must come from the trusted proxy, which names the user."
_SCHEMES = frozenset({"http", "https"})
# Controls, and separators of lines and paragraphs.
_NO_CHARACTERS_OF_AN_ID = frozenset({"Cc", "Zl", "Zp"})


class ProxyAuthenticator(Authenticator):
    """Authenticates requests by the user whom a trusted proxy names in a header.

    A proxy is trusted if the connection comes from one of its addresses and the request has its secret. What a header
    says about the address of the caller does not count.

    Args:
        settings: the trusted proxies, and the header in which they name the user.
        administrators: the administrators; an id that is an e-mail address counts as the user's address as well.
        origins: the origins besides this service's own whose pages may change something.
    """

    def __init__(self, settings: ProxySettings, administrators: Administrators, *, origins: Collection[str]) -> None:
        self._settings = settings
        self._administrators = administrators
        self._origins = origins
        self._user_header = settings.user_header.lower().encode()
        self._secrets = tuple(secret.text.encode() for secret in settings.secrets)

    @property
    def security_schemes(self) -> tuple[SecurityScheme, ...]:
        """Returns the schemes of the two headers that the proxy sets."""
        return (
            SecurityScheme(
                id="proxy_user",
                type="apiKey",
                in_="header",
                name=self._settings.user_header,
                description="The id of the user. The trusted proxy sets the header and replaces one that a client "
                "sends. A request that is neither GET nor HEAD also needs an `Origin` header with the origin of this "
                "service or of a frontend, which browsers send by themselves.",
            ),
            SecurityScheme(
                id="proxy_secret",
                type="apiKey",
                in_="header",
                name=SECRET_HEADER,
                description="The secret of the trusted proxy, which sets the header.",
            ),
        )

    def knows(self, request: Request) -> bool:  # noqa: ARG002 - no request needs a call
        """Returns True, because a proxy is trusted without a call to another service."""
        return True

    async def authenticate(self, request: Request) -> Caller:
        """Returns the user whom the trusted proxy names.

        Raises:
            ForeignOriginError: the request changes something, and no page of this service or of a frontend sent it.
        """
        self._require_trusted_proxy(request)
        self._require_known_origin(request)
        user_id = self._user_id(request)
        bind_contextvars(user_id=user_id)
        user = User(id=user_id, is_admin=self._administrators.include(user_id, email=user_id))
        return Caller(user=user, trace_id=trace_id_of(request.scope))

    async def validate_again(self, caller: Caller, *, is_fresh: bool = False) -> User:  # noqa: ARG002 - nothing is cached
        """Returns the same user: only the proxy knows whether the user is still logged in.

        The proxy is asked when the caller sends its next request, such as to reconnect at the end of a stream's life.
        """
        return caller.user

    async def ping(self) -> None:
        """Returns at once, because no other service is needed."""

    def _require_trusted_proxy(self, request: Request) -> None:
        # A peer at a Unix socket has no address.
        peer = request.client.host if request.client else ""
        if not is_within(peer, self._settings.trusted_networks):
            raise _refusal(f"the peer {peer} is not in AUTH_PROXY_TRUSTED_IPS")
        if not is_one_of(_only(request, SECRET_HEADER.lower().encode()), self._secrets):
            raise _refusal(f"there is no {SECRET_HEADER} with a secret of AUTH_PROXY_SECRET")

    def _require_known_origin(self, request: Request) -> None:
        if request.method in SAFE_METHODS:
            return
        origin = _only(request, b"origin").decode("latin-1")
        if origin not in self._origins and not is_origin_of(origin, _scheme(request), _text_of(request, b"host")):
            bind_contextvars(refused="the origin is neither our own nor in FRONTEND_URL")
            raise ForeignOriginError

    def _user_id(self, request: Request) -> str:
        try:
            user_id = _only(request, self._user_header).decode()
        except UnicodeDecodeError:
            raise _refusal(f"{self._settings.user_header} is not UTF-8") from None
        if not _is_id(user_id):
            raise _refusal(f"there is no {self._settings.user_header} with a name")
        return user_id


def _refusal(reason: str) -> NotAuthenticatedError:
    # The reason is for the operator; the caller is not told what is missing.
    bind_contextvars(refused=reason)
    return NotAuthenticatedError(_SENTENCE)


def _only(request: Request, name: bytes) -> bytes:
    """Returns the value of a header that the request has once; otherwise an empty value."""
    values = [value for key, value in request.scope["headers"] if key == name]
    return values[0] if len(values) == 1 else b""


def _text_of(request: Request, name: bytes) -> str:
    return _only(request, name).decode("latin-1")


def _scheme(request: Request) -> str:
    """Returns the scheme by which the browser loads the service's pages, as far as the proxy says so."""
    if not request.headers.getlist("x-forwarded-proto"):
        return str(request.scope["scheme"])
    scheme = _text_of(request, b"x-forwarded-proto").lower()
    return scheme if scheme in _SCHEMES else ""


def _is_id(user_id: str) -> bool:
    has_margins = user_id != user_id.strip()
    is_printable = not any(category(character) in _NO_CHARACTERS_OF_AN_ID for character in user_id)
    return 1 <= len(user_id) <= MAX_USER_ID_CHARS and is_printable and not has_margins
