"""Fetching the discovery document and the keys: which responses are taken, and from where."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator

import httpx
import pytest
import respx
from tests.oidc_tokens import ec_key, key_set
from tests.unit.virtual_time import in_virtual_time

from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.discovery import FETCH_SECONDS, MAX_DOCUMENT_BYTES
from chatcore_auth.validators.oidc.issuer import Issuer
from chatcore_auth.validators.oidc.signing_keys import SigningKeys

URL = "https://issuer.test/realm"
DISCOVERY = f"{URL}/.well-known/openid-configuration"
KEYS = "https://keys.test/jwks.json"
DOCUMENT = {"issuer": URL, "jwks_uri": KEYS, "authorization_endpoint": f"{URL}/auth"}


@pytest.fixture
def router() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        router.get(DISCOVERY).respond(json=DOCUMENT)
        router.get(KEYS).respond(content=key_set(ec_key().jwk()))
        yield router


async def reason(url: str = URL) -> str:
    fetched = await Issuer(url).fetch_keys()
    assert isinstance(fetched, Unusable)
    return fetched.reason


async def test_the_keys_are_those_to_which_the_discovery_document_points(router: respx.MockRouter) -> None:
    fetched = await Issuer(URL).fetch_keys()

    assert isinstance(fetched, SigningKeys)
    assert len(fetched.find("ec", "ES256")) == 1
    assert [str(call.request.url) for call in router.calls] == [DISCOVERY, KEYS]
    for call in router.calls:
        assert call.request.headers["accept-encoding"] == "identity"
        assert not {"authorization", "cookie", "x-internal-api-key"} & call.request.headers.keys()


async def test_an_issuer_with_a_slash_at_its_end_names_itself_with_it(router: respx.MockRouter) -> None:
    router.get(DISCOVERY).respond(json={**DOCUMENT, "issuer": f"{URL}/"})

    assert isinstance(await Issuer(f"{URL}/").fetch_keys(), SigningKeys)
    assert await reason(URL) == "the discovery document names another issuer"


@pytest.mark.parametrize("issuer", [None, 7, "https://attacker.test", f"{URL}/", URL.upper(), [URL]])
async def test_a_document_of_another_issuer_is_refused(router: respx.MockRouter, issuer: object) -> None:
    router.get(DISCOVERY).respond(json={**DOCUMENT, "issuer": issuer})

    assert await reason() == "the discovery document names another issuer"


@pytest.mark.parametrize(
    "address",
    [None, 7, "", "/jwks.json", "file:///etc/passwd", "http://issuer.test/keys", "ftp://keys.test", "//keys.test", "[",
     "data:,{}", "https:", "https://", "https://[::1", "https://keys.test:99999/", "https://\u0000/"],
)  # fmt: skip
async def test_an_address_of_keys_that_cannot_be_used_is_refused(router: respx.MockRouter, address: object) -> None:
    router.get(DISCOVERY).respond(json={**DOCUMENT, "jwks_uri": address})
    calls = len(router.calls)

    assert await reason()
    assert len(router.calls) <= calls + 2
    assert all(call.request.url.path == httpx.URL(DISCOVERY).path for call in router.calls)


async def test_an_issuer_at_http_may_point_to_keys_at_http(router: respx.MockRouter) -> None:
    router.get("http://issuer.local/.well-known/openid-configuration").respond(
        json={"issuer": "http://issuer.local", "jwks_uri": "http://issuer.local/keys"}
    )
    router.get("http://issuer.local/keys").respond(content=key_set(ec_key().jwk()))

    assert isinstance(await Issuer("http://issuer.local").fetch_keys(), SigningKeys)


@pytest.mark.parametrize("address", [DISCOVERY, KEYS])
@pytest.mark.parametrize("status", [204, 301, 302, 307, 401, 403, 404, 429, 500, 503])
async def test_any_status_but_200_is_unusable_and_no_redirect_is_followed(
    router: respx.MockRouter, address: str, status: int
) -> None:
    elsewhere = router.get("https://elsewhere.test/").respond(content=key_set(ec_key().jwk()))
    router.get(address).respond(status, headers={"Location": "https://elsewhere.test/"})

    assert f"status {status}" in await reason()
    assert not elsewhere.called


@pytest.mark.parametrize("address", [DISCOVERY, KEYS])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"7", b"\xff", b"{", b"[" * 100_000])
async def test_a_document_that_is_not_a_json_object_is_unusable(
    router: respx.MockRouter, address: str, body: bytes
) -> None:
    router.get(address).respond(content=body)

    assert "not JSON" in await reason()


@pytest.mark.parametrize("address", [DISCOVERY, KEYS])
async def test_a_huge_document_is_unusable(router: respx.MockRouter, address: str) -> None:
    router.get(address).respond(content=b" " * (MAX_DOCUMENT_BYTES + 1))

    assert await reason() == f"a reply of more than {MAX_DOCUMENT_BYTES} bytes"


@pytest.mark.parametrize("address", [DISCOVERY, KEYS])
async def test_a_compressed_document_is_unusable(router: respx.MockRouter, address: str) -> None:
    router.get(address).respond(headers={"Content-Encoding": "gzip"}, content=gzip.compress(b"{}"))

    assert await reason() == "a compressed reply"


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ReadTimeout("slow")])
async def test_a_connection_that_fails_is_an_outage(router: respx.MockRouter, error: httpx.HTTPError) -> None:
    router.get(KEYS).mock(side_effect=error)

    assert await reason() == type(error).__name__


@in_virtual_time
async def test_a_fetch_ends_by_itself() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    fetched = await Issuer(URL, transport=httpx.MockTransport(hang)).fetch_keys()

    assert fetched == Unusable("no answer in time")
    assert asyncio.get_running_loop().time() == pytest.approx(FETCH_SECONDS)


async def test_proxies_in_the_environment_are_ignored(
    router: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("ALL_PROXY", "http://proxy:1")

    assert isinstance(await Issuer(URL).fetch_keys(), SigningKeys)
    assert len(router.calls) == 2
