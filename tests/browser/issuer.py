"""An OpenID Connect issuer that signs people in by the code flow with PKCE, without asking them anything."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode

import uvicorn
from attrs import define, field, frozen
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.integration.faults.waiting import eventually
from tests.oidc_tokens import AUDIENCE, base64url, claims_at, ec_key, key_set

CLIENT = "chat-page"


@frozen
class _Grant:
    challenge: str
    redirect: str


@define
class RunningIssuer:
    """A running issuer. It signs in everybody as `ann`, and every token is good until :attr:`lifetime` has passed."""

    url: str
    #: How long the next access token is valid, in seconds.
    lifetime: float = 300.0
    #: What is refused at the authorization endpoint, such as `access_denied`; None for nothing.
    refusal: str | None = None
    #: The queries of the authorization requests.
    asked: list[dict[str, str]] = field(factory=list)
    #: The kinds of the grants that were exchanged for tokens.
    granted: list[str] = field(factory=list)
    _codes: dict[str, _Grant] = field(factory=dict)

    def app(self) -> Starlette:
        """Returns the ASGI application."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discover),
                Route("/keys", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._exchange, methods=["POST"]),
            ],
            middleware=[Middleware(CORSMiddleware, allow_origins=["*"])],
        )

    async def _discover(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
            }
        )

    async def _keys(self, _request: Request) -> Response:
        return Response(key_set(ec_key().jwk()), media_type="application/json")

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.asked.append(query)
        if self.refusal:
            answer = {"error": self.refusal, "state": query["state"]}
        else:
            code = secrets.token_urlsafe()
            self._codes[code] = _Grant(query["code_challenge"], query["redirect_uri"])
            answer = {"code": code, "state": query["state"]}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", status_code=303)

    async def _exchange(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if form["client_id"] != CLIENT or not self._is_granted(form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.granted.append(form["grant_type"])
        now = time.time()
        claims = claims_at(now, iss=self.url, aud=AUDIENCE, exp=now + self.lifetime)
        return JSONResponse(
            {"access_token": ec_key().sign(claims), "token_type": "Bearer", "refresh_token": "a refresh token"}
        )

    def _is_granted(self, form: dict[str, str]) -> bool:
        if form["grant_type"] == "refresh_token":
            return form["refresh_token"] == "a refresh token"
        grant = self._codes.pop(form["code"], None)
        challenge = base64url(hashlib.sha256(form["code_verifier"].encode()).digest())
        return grant == _Grant(challenge, form["redirect_uri"])


@asynccontextmanager
async def serving(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    """Serves an application for the duration of the block."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await eventually(lambda: server.started, within=10, what="the server has started")
        yield
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def running_issuer() -> AsyncIterator[RunningIssuer]:
    """Runs an issuer on loopback for the duration of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        issuer = RunningIssuer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        async with serving(issuer.app(), listener):
            yield issuer
