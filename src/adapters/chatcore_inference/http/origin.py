"""Identifies the server of a connection."""

import httpx
from attrs import frozen


@frozen
class Origin:
    """A server that connections are made to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: httpx.URL) -> "Origin":
        """Returns the origin of `url`.

        Raises:
            httpx.UnsupportedProtocol: the URL is neither http nor https, or names no host.
        """
        if url.scheme not in {"http", "https"} or not url.host:
            raise httpx.UnsupportedProtocol("The URL must begin with http:// or https:// and name a host.")
        default_port = 443 if url.scheme == "https" else 80
        return cls(url.scheme, url.raw_host.decode("ascii"), url.port or default_port)
