"""The head of a response: by its content type a stream is known."""

import httpx
from tests.unit.adapters.chatcore_inference.http.public_sse_cases import CONTENT_TYPES

from chatcore_inference.http.response_head import is_event_stream


def test_a_stream_is_known_by_its_content_type() -> None:
    known = {
        name: is_event_stream(200, httpx.Headers({"content-type": content_type}))
        for name, (content_type, _) in CONTENT_TYPES.items()
    }

    assert known == {name: is_stream for name, (_, is_stream) in CONTENT_TYPES.items()}
