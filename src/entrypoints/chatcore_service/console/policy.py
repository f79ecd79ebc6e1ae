"""Makes the content security policy of the built-in page."""

from collections.abc import Iterable
from urllib.parse import urlsplit

# Markdown of a model is made to HTML by DOMPurify, and templates by lit-html. No other code of the page may do that.
_TRUSTED_TYPES = "dompurify lit-html"


def console_policy(addresses: Iterable[str]) -> str:
    """Returns the policy of a page that sends requests to its own service and to these addresses' origins alone.

    Everything that the page loads is a file of the service: there is no inline script or style, and no image of another
    host, which a reply of a model could use to tell somebody what a conversation is about.
    """
    connect = " ".join(["'self'", *dict.fromkeys(map(_origin, addresses))])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"require-trusted-types-for 'script'; trusted-types {_TRUSTED_TYPES}"
    )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
