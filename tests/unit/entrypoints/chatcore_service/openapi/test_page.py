"""The docs page: what it loads, what its policy allows, and the vendored renderer."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.resources import files

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import HttpService

from chatcore_service.openapi.page import ASSETS, PAGE

RENDERER = files("chatcore_service.openapi") / "renderer"
MANIFEST = json.loads((RENDERER / "manifest.json").read_text())

#: Hosts that the renderer names in comments and as placeholders. It asks none of them for anything.
HOSTS_NAMED_BY_THE_RENDERER = {"example.com", "github.com", "localhost", "marked.js.org"}


def directives(policy: str) -> dict[str, set[str]]:
    return {name: set(values) for name, *values in (part.split() for part in policy.split(";"))}


async def test_the_policy_of_the_page_allows_only_files_and_requests_of_this_service(service: HttpService) -> None:
    response = await service.client.get("/docs")

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert directives(response.headers["content-security-policy"]) == {
        "default-src": {"'none'"},
        "script-src": {"'self'"},
        "style-src": {"'self'", "'unsafe-inline'"},
        "img-src": {"data:"},
        "connect-src": {"'self'"},
        "base-uri": {"'none'"},
        "form-action": {"'none'"},
        "frame-ancestors": {"'none'"},
    }


async def test_the_page_has_no_inline_script_and_names_no_other_host(service: HttpService) -> None:
    page = (await service.client.get("/docs")).text

    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
    assert not re.search(r"<style|\sstyle=|\son\w+=|//|javascript:", page)


async def test_everything_that_the_page_loads_is_served(service: HttpService) -> None:
    page = (await service.client.get("/docs")).text

    named = set(re.findall(r'(?:src|href|spec-url)="(/[^"]*)"', page))
    assert named == {"/openapi.json", *(asset.path for asset in ASSETS)}
    for path in named:
        assert (await service.client.get(path)).status_code == 200


@pytest.mark.parametrize(("suffix", "media_type"), [("css", "text/css"), ("js", "text/javascript")])
async def test_a_file_of_the_page_may_be_kept_for_ever(service: HttpService, suffix: str, media_type: str) -> None:
    (asset,) = (asset for asset in ASSETS if asset.path.endswith(f".{suffix}"))

    response = await service.client.get(asset.path)
    assert response.content == asset.content
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert hashlib.sha256(asset.content).hexdigest()[:16] in asset.path


@pytest.mark.parametrize("path", [PAGE.path, *(asset.path for asset in ASSETS)])
async def test_the_page_and_its_files_answer_get_and_head_and_nothing_else(service: HttpService, path: str) -> None:
    got, head, posted = [await service.client.request(method, path) for method in ("GET", "HEAD", "POST")]

    assert (got.status_code, head.status_code, posted.status_code) == (200, 200, 405)
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
    assert posted.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "name",
    [
        "page.css",
        "openapi-explorer.min.js",
        "renderer/manifest.json",
        "%2e%2e/page.py",
        "page-0000000000000000.css",
    ],
)
async def test_any_other_file_name_is_not_found(service: HttpService, name: str) -> None:
    response = await service.client.get(f"/docs/{name}")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_the_renderer_is_the_one_that_the_manifest_names() -> None:
    found = {path.name: path.read_bytes() for path in RENDERER.iterdir() if path.name != "manifest.json"}

    assert {name: hashlib.sha256(content).hexdigest() for name, content in found.items()} == MANIFEST["sha256"]
    assert MANIFEST["package"] == "openapi-explorer"
    assert f"OpenAPI Explorer {MANIFEST['version']} ".encode() in found["openapi-explorer.min.js"][:200]
    assert MANIFEST["license"] == "Apache-2.0"
    assert b"Apache License" in found["LICENSE"]
    assert sum(map(len, found.values())) < 1_500_000


def test_the_renderer_names_no_host_that_nobody_has_looked_at() -> None:
    script = (RENDERER / "openapi-explorer.min.js").read_text()

    assert set(re.findall(r"https?://([a-z0-9.-]+)", script)) == HOSTS_NAMED_BY_THE_RENDERER
