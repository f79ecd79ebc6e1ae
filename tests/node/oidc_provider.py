"""Runs oidc-provider, and signs in to it as a page in a browser does."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
from attrs import define, frozen

from tests.integration.free_port import free_port
from tests.oidc_tokens import IssuerKey, base64url

_PROGRAM: Final = Path(__file__).with_name("oidc_provider.mjs")
_CALLBACK: Final = "http://127.0.0.1/callback"
_START_SECONDS: Final = 60


@frozen
class Tokens:
    """The tokens that a page gets for its user."""

    access_token: str
    id_token: str


@define(eq=False)
class OidcProvider:
    """oidc-provider in a process of its own, on one port for all its lives."""

    keys: Sequence[IssuerKey]
    port: int
    _process: asyncio.subprocess.Process | None = None

    @classmethod
    def with_keys(cls, *keys: IssuerKey) -> Self:
        """Returns a provider that has yet to be started; it signs with the first key of each algorithm."""
        return cls(keys, free_port())

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Starts the provider; returns when it listens."""
        configuration = orjson.dumps({"port": self.port, "keys": [_private(key) for key in self.keys]}).decode()
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(_PROGRAM),
            env={**os.environ, "ISSUER": configuration},
            stdout=asyncio.subprocess.PIPE,
            stderr=sys.stderr,
        )
        assert self._process.stdout
        async with asyncio.timeout(_START_SECONDS):
            while line := await self._process.stdout.readline():
                if line == b"listening\n":
                    return
        raise AssertionError("oidc-provider did not start")

    async def stop(self) -> None:
        """Ends the provider, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def sign_in(self, name: str, *, resource: str | None = None) -> Tokens:
        """Signs in by the authorization code flow with PKCE; without a resource, the access token is opaque."""
        verifier = secrets.token_urlsafe(32)
        parameters = {"client_id": "page", "redirect_uri": _CALLBACK, **({"resource": resource} if resource else {})}
        challenge = {
            "code_challenge": base64url(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        request = {"response_type": "code", "scope": "openid chat", **challenge, **parameters}
        async with httpx.AsyncClient(base_url=self.issuer, trust_env=False, timeout=30) as browser:
            code = await _code(browser, await browser.get("/auth", params=request), name)
            grant = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, **parameters}
            response = await browser.post("/token", data=grant)
        assert response.status_code == 200, response.text
        tokens = response.json()
        return Tokens(tokens["access_token"], tokens["id_token"])


async def _code(browser: httpx.AsyncClient, page: httpx.Response, name: str) -> str:
    """Fills in the forms until the provider sends the browser back to the page; returns the code."""
    while not page.headers.get("location", "").startswith(_CALLBACK):
        if page.is_redirect:
            page = await browser.get(page.headers["location"])
            continue
        action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        prompt = re.search(r'name="prompt" value="([^"]+)"', page.text)
        assert action, page.text
        assert prompt, page.text
        page = await browser.post(action[1], data={"prompt": prompt[1], "login": name, "password": "any"})
    return parse_qs(urlsplit(page.headers["location"]).query)["code"][0]


def _private(key: IssuerKey) -> dict[str, object]:
    return {**key.jwk(), **key.pair.as_dict(private=True)}
