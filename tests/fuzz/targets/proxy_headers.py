"""Checks that a trusted proxy names a user by a valid id, or that the request is refused."""

from contextlib import suppress

from starlette.requests import Request

from chatcore import User
from chatcore.administrators import Administrators
from chatcore.errors import NotAuthenticatedError
from chatcore_service.environment import Environment, read_settings
from chatcore_service.http.proxy_authenticator import ProxyAuthenticator
from chatcore_service.http.refusals import ForeignOriginError
from chatcore_service.http.trace import begin_trace
from chatcore_service.proxy_settings import ProxySettings

_FRONTEND = "https://front.test"
_NAMES = (b"x-forwarded-user", b"origin", b"host", b"x-forwarded-proto", b"x-proxy-secret")
_AUTHENTICATOR = ProxyAuthenticator(
    read_settings(
        ProxySettings,
        Environment(
            {
                "AUTH_PROXY_USER_HEADER": "X-Forwarded-User",
                "AUTH_PROXY_TRUSTED_IPS": "10.0.0.5",
                "AUTH_PROXY_SECRET": "secret",
            }
        ),
    ),
    Administrators(),
    origins=(_FRONTEND,),
)

# Each line is a header: the number of its name, then its value.
SEEDS = (
    b"0alice\n1https://front.test\n4secret",
    b"0alice\n1http://chat.test\n2chat.test\n4secret",
    b"0alice\n1https://chat.test:8443\n2chat.test:8443\n3https\n4secret",
    b"0Zo\xc3\xab\n1https://front.test\n4secret",
    b"0Zo\xeb\n1https://front.test\n4secret",
    b"0\xc2\xa0\n1https://front.test\n4secret",
    b"0alice\n0bob\n1https://front.test\n4secret",
    b"0alice\n1null\n2\n3\n4secret",
    b"0alice\n1http://[::1]:80\n2[::1]\n3http\n4secret",
    b"0alice\n1https://front.test\n4secret\n4secret",
    b"0" + b"x" * 256 + b"\n1https://front.test\n4secret",
)


def check(data: bytes) -> None:
    """Authenticates a request that has these headers."""
    headers = [(_NAMES[line[0] % len(_NAMES)], line[1:].strip(b" \t")) for line in data.split(b"\n") if line]
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/", "headers": headers}
    begin_trace(scope)
    authenticating = _AUTHENTICATOR.authenticate(Request({**scope, "client": ("10.0.0.5", 40000)}))
    try:
        # No other service is asked, so the coroutine never waits.
        with suppress(NotAuthenticatedError, ForeignOriginError):
            authenticating.send(None)
    except StopIteration as result:
        _require_what_the_headers_say(result.value.user, headers)


def _require_what_the_headers_say(user: User, headers: list[tuple[bytes, bytes]]) -> None:
    sent = dict(headers)
    assert [name for name, _ in headers].count(b"x-forwarded-user") == 1
    assert sent[b"x-proxy-secret"] == b"secret"
    assert user.id.encode() == sent[b"x-forwarded-user"]
    assert user.id == user.id.strip()
    assert not any(character < " " for character in user.id)
    origin = sent[b"origin"].decode()
    assert (
        origin == _FRONTEND or origin.partition("://")[2].partition(":")[0] in sent[b"host"].decode("latin-1").lower()
    )
