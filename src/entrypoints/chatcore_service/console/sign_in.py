"""Says how the reader of the built-in page signs in, which depends on how the service authenticates callers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Protocol

from attrs import frozen

from chatcore.errors import AuthUnavailableError
from chatcore_service.auth_settings import AuthMode
from chatcore_service.http.fields import Doc
from chatcore_service.settings import Settings


@frozen(kw_only=True)
class TokenSignIn:
    """The reader pastes a token, or opens the page with a one-time code in the fragment of its address."""

    method: Literal["token"]
    exchange_url: Annotated[str | None, Doc("Where the page exchanges a one-time code for a token.")] = None


@frozen(kw_only=True)
class ProxySignIn:
    """A proxy has signed the reader in, so the page sends no token."""

    method: Literal["proxy"]


@frozen(kw_only=True)
class OidcSignIn:
    """The page signs the reader in with an OpenID Connect issuer, by the code flow with PKCE."""

    method: Literal["oidc"]
    client_id: str
    authorization_endpoint: str
    token_endpoint: str
    scope: str
    audience: Annotated[str, Doc("The audience of the access token, which some issuers need to be told.")]


class IssuerEndpoints(Protocol):
    """What the page needs of an issuer's discovery document."""

    @property
    def authorization_endpoint(self) -> str:
        """Returns the address at which the user signs in."""
        ...

    @property
    def token_endpoint(self) -> str:
        """Returns the address at which the page exchanges a code for a token."""
        ...


class Directory(Protocol):
    """Knows the endpoints of an issuer."""

    async def endpoints(self) -> IssuerEndpoints:
        """Returns the endpoints.

        Raises:
            AuthUnavailableError: the issuer cannot be asked.
        """
        ...


class SignIn(ABC):
    """A way to sign in."""

    @abstractmethod
    async def describe(self) -> TokenSignIn | ProxySignIn | OidcSignIn:
        """Returns what the page needs to know.

        Raises:
            AuthUnavailableError: the issuer cannot be asked.
        """

    async def addresses(self) -> Sequence[str]:
        """Returns the addresses, besides those of this service, to which the page sends requests."""
        return ()


@frozen
class SignInByToken(SignIn):
    """Lets the reader paste a token, which is what a service knows that validates tokens of any origin."""

    #: Where the page exchanges a one-time code for a token; None if nothing gives out such codes.
    exchange_url: str | None

    async def describe(self) -> TokenSignIn:
        """Returns the address of the exchange."""
        return TokenSignIn(method="token", exchange_url=self.exchange_url)

    async def addresses(self) -> Sequence[str]:
        """Returns the address of the exchange, if there is one."""
        return () if self.exchange_url is None else (self.exchange_url,)


class SignInByProxy(SignIn):
    """Leaves everything to the proxy."""

    async def describe(self) -> ProxySignIn:
        """Returns that the page sends no token."""
        return ProxySignIn(method="proxy")


@frozen(kw_only=True)
class SignInByIssuer(SignIn):
    """Sends the reader to the issuer."""

    client_id: str
    scope: str
    audience: str
    directory: Directory

    async def describe(self) -> OidcSignIn:
        """Returns the issuer's endpoints and what to ask for there."""
        endpoints = await self.directory.endpoints()
        return OidcSignIn(
            method="oidc",
            client_id=self.client_id,
            authorization_endpoint=endpoints.authorization_endpoint,
            token_endpoint=endpoints.token_endpoint,
            scope=self.scope,
            audience=self.audience,
        )

    async def addresses(self) -> Sequence[str]:
        """Returns the address of the token endpoint; none while the issuer cannot be asked.

        The page is loaded again before the next attempt to sign in.
        """
        try:
            return ((await self.directory.endpoints()).token_endpoint,)
        except AuthUnavailableError:
            return ()


def sign_in_for(settings: Settings, directory_of: Callable[[str], Directory]) -> SignIn:
    """Returns the way to sign in that fits how callers are authenticated.

    Args:
        settings: all settings.
        directory_of: returns the directory of an issuer.
    """
    if settings.auth_mode is AuthMode.PROXY:
        return SignInByProxy()
    oidc = settings.oidc
    if oidc is None or oidc.client_id is None:
        return SignInByToken(settings.console_sign_in_url)
    return SignInByIssuer(
        client_id=oidc.client_id,
        scope=oidc.scope,
        audience=oidc.audiences[0],
        directory=directory_of(oidc.issuer),
    )
