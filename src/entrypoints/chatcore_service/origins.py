"""Parses the origins whose pages may call the service from a browser."""

import re
from ipaddress import IPv6Address

from chatcore_service.environment import MalformedValueError

# The pattern matches an origin as a browser serialises it; an app's web view may have any scheme, such as capacitor.
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PORTS = range(1, 65536)
_EXPECTED = "must be origins such as https://chat.example.com, separated by commas"
# The first pattern that an origin matches explains why the origin is refused.
_FAULTS = (
    (re.compile(r"[^*]*\*.*", re.DOTALL), "has a wildcard"),
    (re.compile(r"(?!\w[^:/?#]*://).*", re.DOTALL), "has no scheme, such as https://"),
    (re.compile(r"\w[^:/?#]*://([/?#].*)?", re.DOTALL), "has no host"),
    (re.compile(r"[^?#]*\?.*", re.DOTALL), "has a query"),
    (re.compile(r"[^#]*#.*", re.DOTALL), "has a fragment"),
    (re.compile(r"[^/]*//[^/]+/.*", re.DOTALL), "has a path"),
)
_MAX_QUOTED = 100


def origins(value: str) -> tuple[str, ...]:
    """Accepts origins, such as https://chat.example.com, separated by commas; returns the form that browsers send."""
    if "@" in value:
        # What precedes the @ may be a password, and a password may contain a comma.
        raise _malformed(value.rpartition("@")[2].split(",")[0], "must not have a user in front of it")
    listed = tuple(_serialized(origin.strip().rstrip("/")) for origin in value.split(",") if origin.strip())
    if not listed:
        raise MalformedValueError(_EXPECTED)
    return listed


def is_origin_of(origin: str, scheme: str, host: str) -> bool:
    """Returns whether a browser that loads a page of this host by this scheme sends this origin.

    Args:
        origin: an origin, as a browser sends it.
        scheme: `http` or `https`.
        host: the value of a Host header: a name or an address, with a port unless it is that of the scheme.
    """
    try:
        return origin == _serialized(f"{scheme}://{host}")
    except MalformedValueError:
        return False


def _serialized(origin: str) -> str:
    # The pattern excludes wildcards, credentials, paths, queries and fragments, which a browser never sends.
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        raise _malformed(origin, _fault_of(origin))
    scheme, port = match["scheme"], match["port"]
    try:
        host = _serialized_host(match["host"])
    except ValueError as error:
        raise _malformed(origin, "has no valid IPv6 address") from error
    if port is None or int(port) == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    if int(port) not in _PORTS:
        raise _malformed(origin, "has no valid port")
    return f"{scheme}://{host}:{int(port)}"


def _serialized_host(host: str) -> str:
    return f"[{IPv6Address(host[1:-1])}]" if host.startswith("[") else host


def _fault_of(origin: str) -> str:
    return next((fault for pattern, fault in _FAULTS if pattern.fullmatch(origin)), "has a malformed host or port")


def _malformed(origin: str, fault: str) -> MalformedValueError:
    return MalformedValueError(f"{_EXPECTED}: {origin[:_MAX_QUOTED]!r} {fault}")
