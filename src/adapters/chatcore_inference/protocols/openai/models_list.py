"""Reads the list of models of an OpenAI-compatible server."""

import orjson

from chatcore.errors import InferenceRefusedError
from chatcore_inference.protocols.openai.loose_json import list_or_empty, object_or_empty, text_or_empty


def model_names(document: bytes) -> frozenset[str]:
    """Returns the names of the models.

    Raises:
        InferenceRefusedError: the document is no list of models.
    """
    try:
        models = object_or_empty(orjson.loads(document))
    except orjson.JSONDecodeError as error:
        raise InferenceRefusedError from error
    if not isinstance(models.get("data"), list):
        raise InferenceRefusedError
    names = (text_or_empty(model.get("id")) for model in map(object_or_empty, list_or_empty(models["data"])))
    return frozenset(filter(None, names))
