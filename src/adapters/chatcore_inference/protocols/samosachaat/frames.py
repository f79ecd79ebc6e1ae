"""Reads the events of a reply: each is a frame byte for byte, its data a JSON object with `token` or `done`."""

import json
from typing import NoReturn

import orjson

from chatcore.ports import Frame


class SamosachaatEvents:
    """Forwards every event unchanged, because the service speaks our stream format already.

    An :class:`~chatcore_inference.http.event_reader.EventReader` that needs no state. Its methods are static, which
    makes a token some 20 ns cheaper.
    """

    @staticmethod
    def read(raw: bytes, data: bytes) -> Frame:
        """See :meth:`chatcore_inference.http.event_reader.EventReader.read`.

        Data that is no JSON object, or an object with other keys, is forwarded like any other and has no meaning for
        us. Only a string is a token and only `true` closes the reply.
        """
        try:
            event: _Json = orjson.loads(data)
        except orjson.JSONDecodeError:
            event = _parsed_leniently(data)
        if not isinstance(event, dict):
            return Frame(raw)
        token = event.get("token")
        frame = Frame(raw, token if isinstance(token, str) else None)
        if event.get("done") is True:
            frame.is_closing = True
        return frame

    @staticmethod
    def read_empty(raw: bytes) -> Frame:
        """See :meth:`chatcore_inference.http.event_reader.EventReader.read_empty`."""
        return Frame(raw)


# JSON gives any of these; a dict has strings for keys.
_Json = dict[str, object] | list[object] | str | float | bool | None


def _parsed_leniently(data: bytes) -> _Json:
    # orjson refuses two things that every browser accepts: halves of a surrogate pair, which a model may split over two
    # tokens, and bytes that are not UTF-8, which become U+FFFD. What is stored must be what readers were shown.
    try:
        event: _Json = json.loads(data.decode(errors="replace"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return event


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and the infinities belong to Python's JSON only.
