"""Responses with files: encodings, entity tags, and what a browser has already."""

from __future__ import annotations

import gzip

import pytest
from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.console.files import CompressedFile
from chatcore_service.console.responses import file_response

CONTENT = b"body { color: black }" * 20
FILE = CompressedFile("text/css", CONTENT, gzip.compress(CONTENT), "abc")


def respond(*headers: tuple[str, str]) -> Response:
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    return file_response(Request({"type": "http", "method": "GET", "headers": encoded}), FILE, {"X-Further": "kept"})


@pytest.mark.parametrize(
    "accepted",
    ["gzip", "GZIP", "br, gzip", "deflate;q=0.5,gzip;q=0.1", "*", "gzip;q=1.0", "identity;q=0, gzip", "*;q=0, gzip"],
)
def test_a_browser_that_takes_gzip_gets_the_compressed_file(accepted: str) -> None:
    response = respond(("accept-encoding", accepted))

    assert response.headers["content-encoding"] == "gzip"
    assert response.body == FILE.compressed
    assert response.headers["content-length"] == str(len(FILE.compressed))
    assert response.headers["etag"] == '"abc-gzip"'


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("accept-encoding", "")],
        [("accept-encoding", "br")],
        [("accept-encoding", "gzip;q=0")],
        [("accept-encoding", "gzip; q=0.000, *")],
        [("accept-encoding", "*;q=0")],
        [("accept-encoding", "gzipped")],
    ],
)
def test_everybody_else_gets_the_file_as_it_is(headers: list[tuple[str, str]]) -> None:
    response = respond(*headers)

    assert "content-encoding" not in response.headers
    assert (response.body, response.headers["etag"]) == (CONTENT, '"abc"')


def test_a_response_says_that_it_depends_on_the_encoding_and_keeps_further_headers() -> None:
    response = respond()

    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["x-further"] == "kept"
    assert response.headers["content-type"] == "text/css"


@pytest.mark.parametrize("named", ['"abc-gzip"', 'W/"abc-gzip"', '"x", "abc-gzip"', "*", '"x" , W/"abc-gzip"'])
def test_what_the_browser_has_is_not_sent_again(named: str) -> None:
    response = respond(("accept-encoding", "gzip"), ("if-none-match", named))

    assert (response.status_code, response.body) == (304, b"")
    assert response.headers["etag"] == '"abc-gzip"'
    assert response.headers["x-further"] == "kept"
    assert "content-type" not in response.headers


@pytest.mark.parametrize("named", ['"abc"', "abc-gzip", '"other"', "", '"ABC-GZIP"'])
def test_another_file_is_sent(named: str) -> None:
    assert respond(("accept-encoding", "gzip"), ("if-none-match", named)).status_code == 200
