"""Implements the local inference service as an ASGI application."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import orjson
from attrs import frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from chatcore.key_ring import Key, keys_in
from chatcore.ports import Clock
from chatcore.system_clock import SystemClock
from chatcore_dev.inference_service.chatbots import MODEL_TAGS, module_of, split_into_tokens
from chatcore_dev.inference_service.generation_request import parse_generation_request
from chatcore_dev.inference_service.model_pool import ModelPool
from chatcore_dev.service_parts.json_requests import RefusedError, json_object, refusal, require_internal_key

# The pace is slow, so that a person can interrupt a reply half-way and see that the reply continues.
TOKENS_PER_SECOND = 5.0
# A body may have 32,000 characters, each of up to six bytes as an escape, and the JSON around 500 messages.
MAX_BODY_BYTES = 512 * 1024

_DONE_FRAME = b'data: {"done":true}\n\n'


@frozen
class _InferenceEndpoints:
    internal_keys: tuple[Key, ...]
    pool: ModelPool
    seconds_per_token: float
    clock: Clock

    async def index(self, _request: Request) -> JSONResponse:
        return JSONResponse({"service": "chatcore local inference"})

    async def generate(self, request: Request) -> StreamingResponse:
        require_internal_key(request, self.internal_keys)
        wanted = parse_generation_request(await json_object(request, max_bytes=MAX_BODY_BYTES))
        reply = await asyncio.to_thread(self.pool.current().reply, wanted.statement)
        frames = self._frames(split_into_tokens(reply)[: wanted.max_tokens])
        return StreamingResponse(frames, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    async def models(self, request: Request) -> JSONResponse:
        require_internal_key(request, self.internal_keys)
        current = self.pool.current_tag
        models = [
            {"model_tag": tag, "source": "nltk", "path": module_of(tag), "loaded": tag == current} for tag in MODEL_TAGS
        ]
        return JSONResponse({"current_model": current, "models": models})

    async def swap(self, request: Request) -> JSONResponse:
        require_internal_key(request, self.internal_keys)
        tag = (await json_object(request, max_bytes=MAX_BODY_BYTES)).get("model_tag")
        if not isinstance(tag, str):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "model_tag is missing or is not text.")
        if tag not in MODEL_TAGS:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is no such model; there are {', '.join(MODEL_TAGS)}.")
        await self.pool.load(tag)
        return JSONResponse({"status": "ok", "current_model": tag}, HTTPStatus.ACCEPTED)

    async def _frames(self, tokens: list[str]) -> AsyncIterator[bytes]:
        for token in tokens:
            await self.clock.sleep(self.seconds_per_token)
            yield b"data: " + orjson.dumps({"token": token, "gpu": 0}) + b"\n\n"
        yield _DONE_FRAME


def create_inference_app(
    internal_key: str, *, tokens_per_second: float = TOKENS_PER_SECOND, clock: Clock | None = None
) -> Starlette:
    """Builds the ASGI application of the inference service.

    Args:
        internal_key: the keys, separated by commas; a caller must send one of them.
        tokens_per_second: the pace of each reply.
        clock: the clock that measures the pace; the system's clock by default.
    """
    pool = ModelPool()
    endpoints = _InferenceEndpoints(keys_in(internal_key), pool, 1 / tokens_per_second, clock or SystemClock())

    @asynccontextmanager
    async def load_first_model(_app: Starlette) -> AsyncGenerator[None]:
        await pool.load(MODEL_TAGS[0])
        yield

    return Starlette(
        routes=[
            Route("/", endpoints.index, methods=["GET"]),
            Route("/generate", endpoints.generate, methods=["POST"]),
            Route("/models", endpoints.models, methods=["GET"]),
            Route("/models/swap", endpoints.swap, methods=["POST"]),
        ],
        exception_handlers={RefusedError: refusal},
        lifespan=load_first_model,
    )
