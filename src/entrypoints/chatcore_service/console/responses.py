"""Answers requests for files: compressed where the browser takes that, and with 304 where it has the file."""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.console.files import CompressedFile

_NO_WEIGHT = re.compile(r"q=0(\.0{0,3})?", re.IGNORECASE)


def file_response(request: Request, file: CompressedFile, headers: Mapping[str, str]) -> Response:
    """Returns the response to a GET or HEAD request for a file.

    Args:
        request: the request, whose `Accept-Encoding` and `If-None-Match` count.
        file: the file.
        headers: further headers of the response.
    """
    is_compressed = _takes_gzip(request)
    # Each encoding has a tag of its own, because the tag is a strong one.
    tag = f'"{file.tag}-gzip"' if is_compressed else f'"{file.tag}"'
    headers = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    # The class would name the encoding of texts, which modules and style sheets have from the page.
    headers["Content-Type"] = file.media_type
    return Response(file.compressed if is_compressed else file.content, headers=headers)


def _takes_gzip(request: Request) -> bool:
    """Returns whether `Accept-Encoding` names gzip, or all encodings, without the weight 0."""
    weights: dict[str, bool] = {}
    for item in ",".join(request.headers.getlist("accept-encoding")).split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        weights[coding.lower()] = not any(_NO_WEIGHT.fullmatch(parameter) for parameter in parameters)
    return weights.get("gzip", weights.get("*", False))


def _has(request: Request, tag: str) -> bool:
    """Returns whether `If-None-Match` names the tag, which is compared as if both were weak (RFC 9110, 13.1.2)."""
    named = ",".join(request.headers.getlist("if-none-match")).split(",")
    return any(name.strip().removeprefix("W/") in {tag, "*"} for name in named)
