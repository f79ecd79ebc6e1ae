"""Requests that another process, perhaps of another version, reads from the storage."""

import json

import pytest

from chatcore import Sampling
from chatcore.replies.generation_request import GenerationRequest


@pytest.mark.parametrize("trace_id", ["trace-1", None])
def test_a_request_survives_its_encoding(trace_id: str | None) -> None:
    request = GenerationRequest(
        sampling=Sampling(temperature=0.25, max_tokens=7, top_k=3, passed={"mode": ["\0"]}), trace_id=trace_id
    )

    assert GenerationRequest.decode(request.encode()) == request


def test_a_request_of_a_later_version_is_read() -> None:
    request = GenerationRequest(sampling=Sampling())
    values = json.loads(request.encode())
    values["sampling"]["later"] = values["later"] = 1

    assert GenerationRequest.decode(json.dumps(values)) == request
