"""JSON in the body of every route that has one: what is not the described object is refused, whatever else is right."""

import pytest

from tests.integration.bad_input.described import OPERATIONS, WITH_BODY
from tests.integration.bad_input.service import TOKEN, Service, with_member
from tests.integration.bad_input.wire import require_refusal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("nothing_is_stored")]

NO_JSON = {
    "white space": b" \n ",
    "half an object": b'{"a":',
    "comma at the end": b'{"content":"x",}',
    "comment": b'{"content":"x"/**/}',
    "comment after": b'{"content":"x"} // x',
    "single quotes": b"{'content':'x'}",
    "two documents": b'{"content":"x"}{"content":"x"}',
    "lines of documents": b'{"content":"x"}\n{"content":"x"}',
    "byte order mark": b'\xef\xbb\xbf{"content":"x"}',
    "NaN": b'{"temperature":NaN}',
    "Infinity": b'{"temperature":Infinity}',
    "minus Infinity": b'{"temperature":-Infinity}',
    "hexadecimal": b'{"top_k":0x1}',
    "leading zero": b'{"top_k":01}',
    "leading plus": b'{"top_k":+1}',
    "no digit before the point": b'{"top_k":.5}',
    "Python": b'{"content":None}',
    "5,000 digits": b'{"top_k":' + b"1" * 5_000 + b"}",
    "250,000 digits": b'{"top_k":' + b"1" * 250_000 + b"}",
    "arrays 200,000 deep": b"[" * 200_000,
    "arrays 100,000 deep, and closed": b"[" * 100_000 + b"]" * 100_000,
    "objects 40,000 deep": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
}
NO_OBJECT = {
    "null": b"null",
    "true": b"true",
    "number": b"5",
    "minus zero": b"-0",
    "string": b'"content"',
    "array": b"[]",
    "array of objects": b'[{"content":"x"}]',
    "array of 80,000": b"[" + b"1," * 80_000 + b"1]",
}
# Members that no operation knows, beside one that is wrong.
MASS_ASSIGNMENT = {
    "owner": b'"user_id":"bob"',
    "id": b'"id":"3fa85f64-5717-4562-b3fc-2c963f66afa6"',
    "role": b'"role":"system"',
    "status": b'"status":"complete"',
    "position": b'"position":1',
    "instant": b'"created_at":"0000-01-01T00:00:00Z"',
    "leap second": b'"updated_at":"9999-12-31T23:59:60+25:00"',
    "administrator": b'"is_admin":true',
    "prototype": b'"__proto__":{"is_admin":true}',
    "constructor": b'"constructor":{"prototype":{}}',
    "class": b'"__class__":"x"',
    "nameless": b'"":1',
    "another case": b'"Content":"x","TITLE":"x","Model_Tag":"x"',
    "surrogate in the name": b'"\\ud800":1',
    "U+0000 in the name": b'"user_id\\u0000":1',
    "name of 200 kilobytes": b'"' + b"k" * 200_000 + b'":1',
    "20,000 names": b",".join(b'"k%d":1' % number for number in range(20_000)),
}
NUMBERS = {
    "true": b"true",
    "false": b"false",
    "string": b'"1"',
    "empty string": b'""',
    "array": b"[1]",
    "object": b"{}",
    "minus one": b"-1",
    "minus a little": b"-0.0001",
    "too much": b"5000",
    "1e400": b"1e400",
    "minus 1e400": b"-1e400",
    "1e308": b"1e308",
    "2 to the 63rd": b"9223372036854775808",
    "4,000 digits": b"1" * 4_000,
}
NO_FLAGS = {
    "number": b"1",
    "zero": b"0",
    "string": b'"true"',
    "array": b"[true]",
    "object": b"{}",
}
NO_TEXT = {
    "number": b"5",
    "true": b"true",
    "array": b'["x"]',
    "object": b'{"$ne":""}',
    "deep": b"[" * 900 + b"]" * 900,
}


@pytest.mark.parametrize("name", NO_JSON)
async def test_what_is_no_json_is_refused(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        require_refusal(await service.call(operation, TOKEN, body=NO_JSON[name]), 400)


@pytest.mark.parametrize("name", NO_OBJECT)
async def test_what_is_no_object_is_refused(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        require_refusal(await service.call(operation, TOKEN, body=NO_OBJECT[name]), 422)


@pytest.mark.parametrize("name", MASS_ASSIGNMENT)
async def test_what_is_not_the_callers_to_set_is_ignored(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        wrong = next(iter(operation.fields or ()))
        members = b'%b,"%b":[]' % (MASS_ASSIGNMENT[name], wrong.encode())
        answer = await service.call(operation, TOKEN, body=with_member(operation, members, in_place_of=[wrong]))
        require_refusal(answer, 422)
        assert [error["field"] for error in answer.json()["errors"]] == [wrong]


async def test_a_name_that_is_given_twice_is_refused(service: Service) -> None:
    for operation in WITH_BODY:
        body = with_member(operation, b'"user_id":"bob","user_id":"root"')
        require_refusal(await service.call(operation, TOKEN, body=body), 422)


@pytest.mark.parametrize("name", NUMBERS)
async def test_what_is_no_number_within_its_bounds_is_refused(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        for field in operation.fields_of("number", "integer"):
            body = with_member(operation, b'"%b":%b' % (field.encode(), NUMBERS[name]))
            require_refusal(await service.call(operation, TOKEN, body=body), 422)


@pytest.mark.parametrize("name", NO_FLAGS)
async def test_what_is_no_flag_is_refused(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        for field in operation.fields_of("boolean"):
            body = with_member(operation, b'"%b":%b' % (field.encode(), NO_FLAGS[name]))
            require_refusal(await service.call(operation, TOKEN, body=body), 422)


async def test_half_a_number_is_none_where_whole_ones_are_meant(service: Service) -> None:
    for operation in WITH_BODY:
        for field in operation.fields_of("integer"):
            body = with_member(operation, b'"%b":1.5' % field.encode())
            require_refusal(await service.call(operation, TOKEN, body=body), 422)


@pytest.mark.parametrize("name", NO_TEXT)
async def test_what_is_no_text_is_refused(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        for field in operation.text_fields:
            body = with_member(operation, b'"%b":%b' % (field.encode(), NO_TEXT[name]), in_place_of=[field])
            require_refusal(await service.call(operation, TOKEN, body=body), 422)


async def test_every_required_field_is_required_and_not_null(service: Service) -> None:
    for operation in WITH_BODY:
        for field in operation.required:
            absent = with_member(operation, b'"%b":null' % field.encode(), in_place_of=[field])
            require_refusal(await service.call(operation, TOKEN, body=absent), 422)
            require_refusal(await service.call(operation, TOKEN, body=b"{}"), 422)


async def test_a_field_that_is_given_twice_is_refused(service: Service) -> None:
    for operation in WITH_BODY:
        for field in operation.fields or ():
            twice = b'"%b":"x","%b":"x"' % (field.encode(), field.encode())
            body = with_member(operation, twice, in_place_of=[field])
            require_refusal(await service.call(operation, TOKEN, body=body), 422)


async def test_a_million_names_are_too_large(service: Service) -> None:
    body = b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}"
    for operation in WITH_BODY:
        require_refusal(await service.call(operation, TOKEN, body=body), 413)


async def test_a_body_where_none_is_taken_changes_nothing_of_a_refusal(service: Service) -> None:
    unknown = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
    for operation in OPERATIONS:
        if operation.fields is None and "{" in operation.path:
            target = service.target(operation, conversation_id=unknown, message_id=unknown)
            for body in (b"{", b"\xff" * 1000, b"[" * 100_000):
                require_refusal(await service.call(operation, TOKEN, body=body, target=target), 404)
