"""Provides an OpenAI-compatible server that sends exactly what a test says."""

import json

from tests.integration.inference_server import InferenceServer, Script, answer, stream

PATH = "/v1/chat/completions"
DONE = b"data: [DONE]\n\n"


def event(delta: dict[str, object], finish_reason: str | None = None, **fields: object) -> bytes:
    """Returns the event of a chunk as most servers send it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    # Half of a surrogate pair is an escape.
    return f"data: {json.dumps({**document, **fields})}\n\n".encode()


class OpenAiServer(InferenceServer):
    """Answers requests for a reply with two tokens, unless a test says otherwise, and lists one model."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.completing(stream(event({"content": "Hel"}), event({"content": "lo"}), event({}, "stop"), DONE))
        self.on("/v1/models", answer(200, b'{"object":"list","data":[{"id":"m"}]}'))

    def completing(self, script: Script) -> None:
        """Answers every request for a reply with `script` from now on."""
        self.on(PATH, script)
