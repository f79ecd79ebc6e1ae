"""Tests which fields of a body go along to the inference service."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, SETTINGS, running_service

from chatcore.errors import InvalidInputError
from chatcore_service.http.passed_fields import MAX_PASSED_BYTES, passed_fields
from chatcore_service.inference_settings import InferenceSettings


def test_the_named_fields_are_taken_and_no_others() -> None:
    body = b'{"content":"Hi","mode":{"deep":[1.5,null,true]},"other":1}'

    assert passed_fields(body, ["mode", "absent"]) == {"mode": {"deep": [1.5, None, True]}}
    assert passed_fields(body, []) == {}
    assert passed_fields(b"", ["mode"]) == {}


def test_a_field_may_be_as_large_as_permitted_and_no_larger() -> None:
    largest = "x" * (MAX_PASSED_BYTES - 2)

    assert passed_fields(json.dumps({"mode": largest}).encode(), ["mode"]) == {"mode": largest}
    with pytest.raises(InvalidInputError) as refused:
        passed_fields(json.dumps({"mode": largest + "x"}).encode(), ["mode"])
    assert [problem.field for problem in refused.value.problems] == ["mode"]


@pytest.mark.parametrize("value", ['"\\ud800"', "9" * 30, "[" * 300 + "]" * 300])
def test_what_cannot_be_written_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError):
        passed_fields(f'{{"mode":{value}}}'.encode(), ["mode"])


async def test_passed_fields_reach_the_model_and_belong_to_the_request_of_a_key() -> None:
    settings = evolve(SETTINGS, inference=InferenceSettings(pass_fields=("mode",)))
    headers = {**ALICE, "Idempotency-Key": "one"}
    async with running_service(settings) as service:
        path = await service.conversation()
        first, repeated, other = [
            await service.client.post(f"{path}/messages", json={"content": "Hi", **fields}, headers=headers)
            for fields in ({"mode": "deep", "x": 1}, {"mode": "deep", "x": 2}, {"mode": "quick"})
        ]
        again = await service.client.post(f"{path}/regenerate", json={"mode": [1]}, headers=ALICE)
        too_large = await service.client.post(f"{path}/regenerate", json={"mode": "x" * 5000}, headers=ALICE)

    assert first.headers["content-location"] == repeated.headers["content-location"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (again.status_code, too_large.status_code) == (200, 422)
    assert [call.request.sampling.passed for call in service.inference.calls] == [{"mode": "deep"}, {"mode": [1]}]
