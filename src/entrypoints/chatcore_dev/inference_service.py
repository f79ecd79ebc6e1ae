"""A small inference service for one's own machine: real, if old-fashioned, conversationalists, streamed word by word.

`python -m chatcore_dev.inference_service` serves it.
"""

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
from chatcore_dev.conversationalists import MODEL_TAGS, Conversationalist, path_of, tokens_of
from chatcore_dev.generation_request import generation_request
from chatcore_dev.json_requests import RefusedError, json_object, refusal, require_internal_key
from chatcore_dev.serving import Address, internal_api_key, parser, serve

DEFAULT_PORT = 8000
# Slow enough for a person to interrupt a reply half-way, and see that it goes on.
TOKENS_PER_SECOND = 5.0
# 32,000 characters, each up to six bytes as an escape, and the JSON around 500 messages.
MAX_BODY_BYTES = 512 * 1024

_DONE_FRAME = b'data: {"done":true}\n\n'


class ModelPool:
    """Holds the loaded model; none while another is being loaded."""

    def __init__(self) -> None:
        self._loaded: Conversationalist | None = None
        self._loading = asyncio.Lock()

    @property
    def current_tag(self) -> str | None:
        """The loaded model's tag."""
        return self._loaded.tag if self._loaded else None

    def current(self) -> Conversationalist:
        """The loaded model.

        Raises:
            RefusedError: 503, there is none at the moment.
        """
        if self._loaded is None:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "No model is loaded.")
        return self._loaded

    async def load(self, tag: str) -> None:
        """Puts the model called `tag` in the place of the present one; replies under way keep theirs."""
        async with self._loading:
            self._loaded = None
            self._loaded = await asyncio.to_thread(Conversationalist, tag)


@frozen
class _InferenceEndpoints:
    internal_keys: tuple[Key, ...]
    pool: ModelPool
    seconds_per_token: float

    async def index(self, _request: Request) -> JSONResponse:
        return JSONResponse({"service": "chatcore local inference"})

    async def generate(self, request: Request) -> StreamingResponse:
        require_internal_key(request, self.internal_keys)
        wanted = generation_request(await json_object(request, max_bytes=MAX_BODY_BYTES))
        reply = await asyncio.to_thread(self.pool.current().reply, wanted.statement)
        frames = self._frames(tokens_of(reply)[: wanted.max_tokens])
        return StreamingResponse(frames, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    async def models(self, request: Request) -> JSONResponse:
        require_internal_key(request, self.internal_keys)
        current = self.pool.current_tag
        models = [
            {"model_tag": tag, "source": "nltk", "path": path_of(tag), "loaded": tag == current} for tag in MODEL_TAGS
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
            await asyncio.sleep(self.seconds_per_token)
            yield b"data: " + orjson.dumps({"token": token, "gpu": 0}) + b"\n\n"
        yield _DONE_FRAME


def create_app(internal_key: str, *, tokens_per_second: float = TOKENS_PER_SECOND) -> Starlette:
    """The service as an ASGI application; callers must show `internal_key`, or one of several separated by commas."""
    pool = ModelPool()
    endpoints = _InferenceEndpoints(keys_in(internal_key), pool, 1 / tokens_per_second)

    @asynccontextmanager
    async def with_a_model(_app: Starlette) -> AsyncGenerator[None]:
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
        lifespan=with_a_model,
    )


def main() -> None:
    """The command line."""
    options = parser("A small inference service for one's own machine.", default_port=DEFAULT_PORT)
    options.add_argument(
        "--tokens-per-second", type=float, default=TOKENS_PER_SECOND, help="the pace; %(default)s by default"
    )
    arguments = options.parse_args()
    app = create_app(internal_api_key(), tokens_per_second=arguments.tokens_per_second)
    serve(app, Address(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
