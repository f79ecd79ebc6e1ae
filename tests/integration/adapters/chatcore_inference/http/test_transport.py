"""Tests the transport under an ordinary httpx client."""

import httpx
import pytest
from tests.integration.adapters.chatcore_inference.inference_requests import text_of
from tests.integration.inference_server import (
    DONE,
    MODELS,
    InferenceServer,
    hang,
    token,
)

from chatcore_inference import InferenceClient, SinkTransport

pytestmark = pytest.mark.usefixtures("reading")


async def test_any_httpx_transport_will_do_for_a_stream(server: InferenceServer) -> None:
    async with (
        httpx.AsyncHTTPTransport(trust_env=False) as transport,
        InferenceClient(server.base_url, None, transport=transport) as client,
    ):
        assert await text_of(client) == "Hello"


async def test_the_transport_serves_an_ordinary_httpx_client(server: InferenceServer) -> None:
    async with httpx.AsyncClient(transport=SinkTransport(), base_url=server.base_url, timeout=0.2) as http:
        assert (await http.get("/models")).content == MODELS
        async with http.stream("POST", "/generate", json={}) as response:
            frames = [data async for data in response.aiter_raw()]
        server.on("/models", hang)
        with pytest.raises(httpx.ReadTimeout):
            await http.get("/models")

    assert b"".join(frames) == token("Hel") + token("lo") + DONE
    assert server.connections == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///models"])
async def test_the_transport_knows_http_only(url: str) -> None:
    async with httpx.AsyncClient(transport=SinkTransport()) as http:
        with pytest.raises(httpx.UnsupportedProtocol):
            await http.get(url)


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\0", "\n\r", "\r\n "])
async def test_no_header_can_smuggle_in_another_one(server: InferenceServer, line_end: str) -> None:
    async with httpx.AsyncClient(transport=SinkTransport(), base_url=server.base_url) as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.get("/models", headers={"x-trace-id": f"a{line_end}x-internal-api-key: b"})

        assert (await http.get("/models")).status_code == 200
