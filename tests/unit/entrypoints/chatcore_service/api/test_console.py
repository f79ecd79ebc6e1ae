"""The built-in page in a running service: its paths, its policy and its configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import SETTINGS, HttpService, running_service

from chatcore_service.console.files import console_files

APP = f"/console/{console_files().digest}/app.js"
LOADING = "/console/loading.js"


@pytest.fixture
async def without_console() -> AsyncIterator[HttpService]:
    async with running_service(evolve(SETTINGS, console=False)) as service:
        yield service


def directives(response: httpx.Response) -> dict[str, set[str]]:
    policy = response.headers["content-security-policy"]
    return {name: set(values) for name, *values in (part.split() for part in policy.split(";"))}


async def test_the_address_of_the_service_shows_the_page(service: HttpService) -> None:
    response = await service.client.get("/?x=y")

    assert response.status_code == 200
    assert response.content == console_files().page.content
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"


async def test_another_address_is_not_that_of_the_service(service: HttpService) -> None:
    assert (await service.client.get("http://chat.test//")).status_code == 404


async def test_the_policy_allows_files_and_requests_of_this_service_only(service: HttpService) -> None:
    assert directives(await service.client.get("/")) == {
        "default-src": {"'none'"},
        "script-src": {"'self'"},
        "style-src": {"'self'"},
        "img-src": {"'self'"},
        "connect-src": {"'self'"},
        "base-uri": {"'none'"},
        "form-action": {"'none'"},
        "frame-ancestors": {"'none'"},
        "require-trusted-types-for": {"'script'"},
        "trusted-types": {"dompurify", "lit-html"},
    }


async def test_the_policy_allows_the_address_that_exchanges_codes() -> None:
    async with running_service(evolve(SETTINGS, console_sign_in_url="http://127.0.0.1:8001/sign-in")) as service:
        response = await service.client.get("/")

    assert directives(response)["connect-src"] == {"'self'", "http://127.0.0.1:8001"}


async def test_a_file_may_be_kept_for_ever(service: HttpService) -> None:
    response = await service.client.get(APP)

    assert response.content == console_files().by_name["app.js"].content
    assert response.headers["content-type"] == "text/javascript"
    assert response.headers["cache-control"] == "max-age=31536000, immutable"
    assert response.headers["content-encoding"] == "gzip"


async def test_the_script_that_loads_the_page_again_has_the_same_address_in_all_versions(service: HttpService) -> None:
    response = await service.client.get(LOADING)

    assert response.content == console_files().loading.content
    assert response.headers["content-type"] == "text/javascript"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", [LOADING, APP])
async def test_a_file_has_only_the_headers_that_it_needs(service: HttpService, path: str) -> None:
    response = await service.client.get(path)

    assert response.headers["x-content-type-options"] == "nosniff"
    assert not {"content-security-policy", "referrer-policy"} & response.headers.keys()


@pytest.mark.parametrize("path", ["/", LOADING, APP])
async def test_a_browser_that_has_a_file_is_told_so(service: HttpService, path: str) -> None:
    tag = (await service.client.get(path)).headers["etag"]

    response = await service.client.get(path, headers={"If-None-Match": tag})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert ("immutable" in response.headers["cache-control"]) is (path == APP)


@pytest.mark.parametrize("path", ["/", LOADING, APP, "/console/config"])
async def test_get_and_head_are_answered_and_nothing_else(service: HttpService, path: str) -> None:
    plain = {"Accept-Encoding": "identity"}
    got, head, posted = [
        await service.client.request(method, path, headers=plain) for method in ("GET", "HEAD", "POST")
    ]

    assert (got.status_code, head.status_code, posted.status_code) == (200, 200, 405)
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
    assert posted.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "name",
    [
        "console",
        "console/",
        "console/app.js",
        "console/0000000000000000/app.js",
        f"console/{console_files().digest}",
        f"console/{console_files().digest}/",
        f"console/{console_files().digest}/app.js/",
        f"console/{console_files().digest}/index.html",
        f"console/{console_files().digest}/loading.js",
        f"console/{console_files().digest}/vendor/manifest.json",
        f"console/{console_files().digest}/vendor/marked/LICENSE",
        f"console/{console_files().digest}/%2e%2e/files.py",
        f"console/{console_files().digest}//etc/passwd",
    ],
)
async def test_any_other_path_is_not_found(service: HttpService, name: str) -> None:
    response = await service.client.get(f"/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_the_page_learns_how_to_sign_in_and_what_it_may_send(service: HttpService) -> None:
    response = await service.client.get("/console/config")

    assert response.json() == {
        "sign_in": {"method": "token"},
        "limits": {"message_characters": 8000, "title_characters": 500, "temperature": 2, "reply_tokens": 4096},
    }
    assert response.headers["cache-control"] == "no-store"


async def test_without_the_page_its_address_leads_to_the_reference(without_console: HttpService) -> None:
    for method in ("GET", "HEAD"):
        response = await without_console.client.request(method, "/?x=y")
        assert (response.status_code, response.headers["location"]) == (307, "/docs")

    assert (await without_console.client.post("/")).status_code == 405
    for path in ("/console/config", LOADING, APP):
        assert (await without_console.client.get(path)).status_code == 404
