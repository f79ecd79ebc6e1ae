"""Encoding: an object becomes JSON by the fields of its document class."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import orjson
from attrs import Factory, field, frozen

from chatcore_service.http.encoding import encoder
from chatcore_service.http.fields import Keywords

ID = UUID("3fa85f64-5717-4562-b3fc-2c963f66afa6")


@frozen(kw_only=True)
class PartDocument:
    id: UUID
    count: Annotated[int, Keywords(minimum=0)] | None


@frozen(kw_only=True)
class WholeDocument:
    first: PartDocument = field(alias="part")
    parts: Annotated[list[PartDocument], Keywords(maxItems=9)] = Factory(list[PartDocument])


@frozen
class Part:
    id: UUID
    count: int | None
    secret: str = "not a field of the document"
    made_at: datetime = datetime(2026, 11, 22, tzinfo=UTC)


@frozen
class Whole:
    first: Part
    parts: list[Part]


def test_an_entity_is_encoded_by_the_fields_of_the_document_and_no_other() -> None:
    assert orjson.dumps(encoder(PartDocument)(Part(ID, None))) == b'{"id":"%s","count":null}' % str(ID).encode()


def test_a_field_is_written_by_its_alias_and_left_out_at_its_default() -> None:
    encode = encoder(WholeDocument)

    assert encode(Whole(Part(ID, 1), [])) == {"part": {"id": ID, "count": 1}}
    assert encode(Whole(Part(ID, 1), [Part(ID, 2)])) == {
        "part": {"id": ID, "count": 1},
        "parts": [{"id": ID, "count": 2}],
    }
