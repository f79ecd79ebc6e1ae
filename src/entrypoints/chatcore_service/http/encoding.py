"""Encodes the documents of responses as JSON, by the fields of their classes."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import attrs
import orjson
from cattrs import Converter
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn, override
from starlette.responses import Response

from chatcore_service.http import media_types

Json = dict[str, Any]

_ENCODED_BY = "encoded_by"


def json_response(document: Json, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Returns a response with a JSON body."""
    return json_bytes_response(orjson.dumps(document), status=status, headers=headers)


def json_bytes_response(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Returns a response with a body that is JSON already."""
    return Response(body, status_code=status, media_type=media_types.JSON, headers=headers)


def json_head_response() -> Response:
    """Returns the response to a HEAD request for a JSON document whose length is not known."""
    response = Response(media_type=media_types.JSON)
    del response.headers["content-length"]
    return response


def encoder(document_type: type) -> Callable[[Any], Json]:
    """Compiles a function that turns any object with the attributes of a document class into a JSON object.

    The function reads the attributes of the entity directly, because an instance of the document class in between would
    more than double the cost. The function reads a field with an alias by its name and writes the field by its alias,
    and omits a field that has its default.
    """
    return _converter.get_unstructure_hook(document_type)


def encoded_by(encode: Callable[[Any], object]) -> Mapping[str, object]:
    """Returns the metadata of a field whose values `encode` turns into JSON."""
    return {_ENCODED_BY: encode}


def _document_hook(document_type: type) -> Callable[[Any], Json]:
    overrides: dict[str, Any] = {
        field.name: override(unstruct_hook=field.metadata[_ENCODED_BY])
        for field in attrs.fields(document_type)
        if _ENCODED_BY in field.metadata
    }
    return make_dict_unstructure_fn(
        document_type, _converter, _cattrs_use_alias=True, _cattrs_omit_if_default=True, **overrides
    )


def _is_plain(type_: Any) -> bool:  # noqa: ANN401 - a type with its annotations
    arguments = get_args(type_)[:1] if get_origin(type_) is Annotated else get_args(type_)
    return not attrs.has(type_) and all(_is_plain(argument) for argument in arguments)


_converter = Converter()
_converter.register_unstructure_hook_factory(attrs.has, _document_hook)
# orjson encodes ids, instants and enumerations itself, so only a field with documents takes a call.
_converter.register_unstructure_hook_func(_is_plain, identity)
