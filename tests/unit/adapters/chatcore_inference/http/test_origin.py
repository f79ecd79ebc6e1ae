"""The server that a URL names."""

import httpx
import pytest

from chatcore_inference.http.origin import Origin


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://inference/generate", Origin("http", "inference", 80)),
        ("https://inference/", Origin("https", "inference", 443)),
        ("http://inference:8000/", Origin("http", "inference", 8000)),
        ("http://[::1]:8000/", Origin("http", "::1", 8000)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: Origin) -> None:
    assert Origin.of(httpx.URL(url)) == origin


@pytest.mark.parametrize("url", ["ftp://inference/", "http:///models", "/models"])
def test_a_url_without_a_server_of_http_is_refused(url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        Origin.of(httpx.URL(url))
