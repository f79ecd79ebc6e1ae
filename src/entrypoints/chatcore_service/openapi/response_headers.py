"""Describes the headers of responses."""

from typing import Annotated, Any, Literal

from chatcore_service.http.fields import Keywords
from chatcore_service.http.trace import ID_PATTERN

#: The type and the meaning of each header, by the name of its component.
RESPONSE_HEADERS: dict[str, tuple[Any, str]] = {
    "x-trace-id": (
        Annotated[str, Keywords(pattern=f"^{ID_PATTERN}$")],
        "The request's own `x-trace-id` or `x-request-id` if it is well-formed, otherwise a new one.",
    ),
    "Location": (str, "The path of the resource that was created."),
    "Stream-Location": (str, "The path of the reply's stream."),
    "Docs-Location": (str, "The path of the API reference."),
    "Content-Location": (str, "The path at which the same reply can be followed."),
    "Preference-Applied": (Literal["respond-async"], ""),
    "Retry-After": (int, "The number of seconds to wait before another attempt."),
    "WWW-Authenticate": (Literal["Bearer"], ""),
    "Allow": (str, ""),
    "Content-Disposition": (str, "A name for the file."),
    "Cache-Control": (Literal["no-store"], ""),
}

# These components describe another use of the same header.
_ALIASES = {"Stream-Location": "Location", "Docs-Location": "Location"}


def header_name(component: str) -> str:
    """Returns the name of the header that a component describes."""
    return _ALIASES.get(component, component)
