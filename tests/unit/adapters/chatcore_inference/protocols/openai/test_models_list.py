"""Tests how the list of models of an OpenAI-compatible server is read."""

import pytest

from chatcore.errors import InferenceRefusedError
from chatcore_inference.protocols.openai.models_list import model_names


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (b'{"object":"list","data":[{"id":"a","object":"model"},{"id":"org/B-7B:free"}]}', {"a", "org/B-7B:free"}),
        (b'{"data":[]}', set()),
        (b'{"data":[null,5,"a",{"id":null},{"id":""},{"name":"b"},{"id":"c"}]}', {"c"}),
        (b'{"models":[{"name":"x"}],"object":"list","data":[{"id":"a"}]}', {"a"}),
    ],
)
def test_the_ids_are_the_names(document: bytes, names: set[str]) -> None:
    assert model_names(document) == names


@pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b"null", b"{}", b'{"data":null}', b'{"data":{"id":"a"}}'])
def test_any_other_document_is_refused(document: bytes) -> None:
    with pytest.raises(InferenceRefusedError):
        model_names(document)
