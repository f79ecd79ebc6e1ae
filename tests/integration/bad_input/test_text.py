"""Text in every field that holds some: what cannot be stored is refused, what is merely odd comes back as it went."""

import json
import unicodedata

import pytest

from tests.integration.bad_input.described import OPERATIONS, WITH_BODY, Operation
from tests.integration.bad_input.service import JSON, TOKEN, Service, with_member
from tests.integration.bad_input.wire import answer_to, request, require_refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = [(operation, name) for operation in WITH_BODY for name in operation.text_fields]

# As they stand between the quotes of a JSON string.
NO_CHARACTERS = {
    "U+0000 escaped": b"a\\u0000b",
    "high surrogate alone": b"\\ud83d",
    "high surrogate before a letter": b"\\ud83dx",
    "low surrogate alone": b"\\ude00",
    "surrogates in reverse": b"\\ude00\\ud83d",
    "nothing": b"",
}
NO_UTF_8 = {
    "FF": b"\xff",
    "overlong NUL": b"\xc0\x80",
    "overlong slash": b"\xc0\xaf",
    "encoded surrogate": b"\xed\xa0\x80",
    "past U+10FFFF": b"\xf4\x90\x80\x80",
    "cut short": b"\xe2\x82",
    "latin-1": b"caf\xe9",
    "U+0000 raw": b"a\x00b",
    "line feed raw": b"a\nb",
    "tab raw": b"a\tb",
    "escape that is none": b"\\x41",
    "escape cut short": b"\\u00",
}
ODD = {
    "spaces": "   ",
    "byte order mark": "\ufeffa\ufeff",
    "line separators": "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1e",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "right to left": "\u202eevil\u202c\u2066x\u2069",
    "combining": "Z" + "\u0301" * 400,
    "family of emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f3fd",
    "composed": unicodedata.normalize("NFC", "é Å ﬁ"),
    "decomposed": unicodedata.normalize("NFD", "é Å ﬁ"),
    "carriage returns": "a\rb\r\nc",
    "end of an event": "a\n\ndata: [DONE]\n\nevent: x\nid: 9\nretry: 1\n: comment\n\n",
    "SQL": "'; drop table conversations; -- $1 %s %(x)s \\",
    "formats": "{} {0.__class__} %n ${jndi:ldap://x} `id` $(id)",
    "markup": "<script>alert(1)</script> ![x](javascript:alert(1)) &amp; <!--",
    "terminal": "\x1b[2J\x1b]0;title\x07\x08\x7f",
}


async def require_refusals(service: Service, value: bytes, *statuses: int) -> None:
    for operation, name in FIELDS:
        if not value and (operation.fields or {})[name]["minLength"] == 0:
            continue  # No text at all stands for the default there.
        member = json.dumps(name).encode() + b':"' + value + b'"'
        body = with_member(operation, member, in_place_of=[name])
        require_refusal(await service.call(operation, TOKEN, body=body), *statuses)


@pytest.mark.parametrize("name", NO_CHARACTERS)
@pytest.mark.usefixtures("nothing_is_stored")
async def test_what_cannot_be_stored_is_refused(service: Service, name: str) -> None:
    await require_refusals(service, NO_CHARACTERS[name], 422)


@pytest.mark.parametrize("name", NO_UTF_8)
@pytest.mark.usefixtures("nothing_is_stored")
async def test_what_is_no_text_at_all_is_refused(service: Service, name: str) -> None:
    await require_refusals(service, NO_UTF_8[name], 400)


@pytest.mark.parametrize("character", ["x", "\U0001f600"])
@pytest.mark.usefixtures("nothing_is_stored")
async def test_text_past_its_limit_is_refused(service: Service, character: str) -> None:
    for operation, name in FIELDS:
        body = json.dumps(operation.valid_body | {name: character * (operation.text_fields[name] + 1)}).encode()
        require_refusal(await service.call(operation, TOKEN, body=body), 422)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
@pytest.mark.usefixtures("nothing_is_stored")
async def test_text_in_another_encoding_is_refused(service: Service, encoding: str) -> None:
    for operation in WITH_BODY:
        body = '{"title":"\u00e9","content":"\u00e9","model_tag":"\u00e9"}'.encode(encoding)
        require_refusal(await service.call(operation, TOKEN, body=body), 400, 422)


@pytest.mark.usefixtures("nothing_is_stored")
async def test_text_of_ten_megabytes_is_refused_before_it_is_read(service: Service) -> None:
    for operation in WITH_BODY:
        data = request(operation.method, service.target(operation), JSON, b'{"content":"' + b"x" * 10_000_000 + b'"}')
        require_refusal(await answer_to(service.base_url, data), 413)


def operation(method: str, path: str) -> Operation:
    return next(found for found in OPERATIONS if str(found) == f"{method} {path}")


@pytest.mark.parametrize("name", ODD)
async def test_odd_text_comes_back_as_it_went(service: Service, name: str) -> None:
    # A model sees it, too, but what it answers is its own affair.
    create, rename = operation("POST", "/api/conversations"), operation("PUT", "/api/conversations/{conversation_id}")
    fields = {"title": ODD[name], "model_tag": ODD[name][:100], "instructions": ODD[name]}

    made = (await service.call(create, TOKEN, body=json.dumps(fields).encode())).json()
    target = service.target(rename, conversation_id=made["id"])
    raw = json.dumps({"title": ODD[name]}, ensure_ascii=False).encode()
    renamed = (await service.call(rename, TOKEN, body=raw, target=target)).json()
    opened = await answer_to(service.base_url, request("GET", target, TOKEN))
    # At the creation a title or instructions without visible text count as none.
    stand_ins = {} if ODD[name].strip() else {"title": "New conversation", "instructions": None}
    assert {key: made[key] for key in fields} == fields | stand_ins
    assert opened.json()["instructions"] == made["instructions"]
    assert renamed["title"] == opened.json()["title"] == ODD[name]
    assert opened.headers["content-type"] == "application/json"
    assert opened.headers["x-content-type-options"] == "nosniff"
