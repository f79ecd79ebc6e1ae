"""Ids, cursors, offsets and event ids that are none, on every route that takes one."""

import pytest

from tests.integration.bad_input.described import WITH_IDS, Operation, with_parameter
from tests.integration.bad_input.service import TOKEN, Service
from tests.integration.bad_input.wire import answer_to, request, require_refusal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("nothing_is_stored")]

UNKNOWN = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

# As they stand in the request's target.
NO_IDS = {
    "nil": b"00000000-0000-0000-0000-000000000000",
    "max": b"ffffffff-ffff-ffff-ffff-ffffffffffff",
    "version 1": b"6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "version 7": b"018f3d4e-5a6b-7c8d-9e0f-a1b2c3d4e5f6",
    "no hyphens": UNKNOWN.replace("-", "").encode(),
    "some hyphens": UNKNOWN.replace("-", "", 1).encode(),
    "braces": b"{" + UNKNOWN.encode() + b"}",
    "braces encoded": b"%7B" + UNKNOWN.encode() + b"%7D",
    "URN": b"urn:uuid:" + UNKNOWN.encode(),
    "one digit less": UNKNOWN[:-1].encode(),
    "one digit more": UNKNOWN.encode() + b"a",
    "U+0000 after it": UNKNOWN.encode() + b"%00",
    "line feed after it": UNKNOWN.encode() + b"%0A",
    "space before it": b"%20" + UNKNOWN.encode(),
    "parameter after it": UNKNOWN.encode() + b";x=y",
    "fullwidth digits": "\uff13".encode() + UNKNOWN[1:].encode(),
    "fullwidth digits encoded": b"%EF%BC%93" + UNKNOWN[1:].encode(),
    "no UTF-8": b"%FF%FE",
    "no UTF-8 raw": b"\xff\xfe",
    "percent sign alone": b"%",
    "percent sign and nonsense": b"%zz",
    "encoded twice": b"%2561",
    "up": b"..",
    "up encoded": b"%2e%2e",
    "up and away": b"..%2f..%2fetc%2fpasswd",
    "slash encoded": b"a%2Fb",
    "backslash": b"..\\..",
    "number": b"1",
    "SQL": b"1%27%20or%20%271%27=%271",
    "SQL raw": b"1'or'1'='1",
    "format": b"%25s%7B%7D$1",
    "all of them": b"*",
    "10 kilobytes": b"a" * 10_000,
}
NO_COUNTS = {
    "empty": "",
    "minus one": "-1",
    "plus one": "%2B1",
    "space": "%20",
    "space before": "%201",
    "2 to the 63rd": "9223372036854775808",
    "2 to the 64th": "18446744073709551616",
    "5,000 digits": "9" * 5_000,
    "exponent": "1e3",
    "hexadecimal": "0x1",
    "underscore": "1_0",
    "point": "1.0",
    "Arabic digits": "%D9%A1",
    "superscript": "%C2%B2",
    "word": "abc",
    "null": "null",
    "NaN": "NaN",
    "U+0000": "1%00",
    "no UTF-8": "%FF",
    "array": "[1]",
}
NO_CURSORS = {
    "empty": "",
    "word": "forged",
    "cut short": f"1732309583123456-{UNKNOWN[:-1]}",
    "too long": f"1732309583123456-{UNKNOWN}0",
    "no instant": f"-{UNKNOWN}",
    "before the epoch": f"-1-{UNKNOWN}",
    "far future": f"99999999999999999-{UNKNOWN}",
    "exponent": f"1e3-{UNKNOWN}",
    "instant as text": f"2026-11-22T21:06:23Z-{UNKNOWN}",
    "U+0000": f"1-{UNKNOWN}%00",
    "line feed": f"1-{UNKNOWN}%0A",
    "SQL": "1'or'1'='1",
    "10 kilobytes": "A" * 10_000,
}
# As they stand in the header.
NO_EVENT_IDS = {
    "empty": b"",
    "minus one": b"-1",
    "plus one": b"+1",
    "16 digits": b"1000000000000000",
    "an end without a number": b"-end",
    "another word than end": b"1-ends",
    "end in capitals": b"1-END",
    "the end twice": b"1-end-end",
    "2 to the 63rd": b"9223372036854775808",
    "2 to the 64th": b"18446744073709551616",
    "5,000 digits": b"9" * 5_000,
    "exponent": b"1e3",
    "hexadecimal": b"0x1",
    "underscore": b"1_0",
    "point": b"1.0",
    "two in one": b"1, 1",
    "Arabic digit": "\u0661".encode(),
    "superscript": "\u00b2".encode("latin-1"),
    "no UTF-8": b"\xff",
    "word": b"abc",
}

NO_FEED_IDS = {
    "a number": "5",
    "two numbers": "1-2",
    "an offset": "5-2-end",
    "capitals": "1F-2-00000000",
    "a short origin": "1-2-0000000",
    "a long origin": "1-2-000000000",
    "a long number": "1234567890123456-2-00000000",
    "a late instant": "1-1234567890-00000000",
    "signs": "-1--2-00000000",
    "a quote": "1-2-0000000'",
    "10 kilobytes": "1" * 10_000,
}


@pytest.mark.parametrize("name", NO_IDS)
async def test_what_is_no_id_of_the_callers_is_not_found(service: Service, name: str) -> None:
    for operation in WITH_IDS:
        for place in ("conversation_id", "message_id"):
            if ("path", place) in operation.parameters:
                target = service.target(operation, **{place: "\x00"}).encode().replace(b"\x00", NO_IDS[name])
                # A target is ASCII, or no HTTP.
                require_refusal(
                    await service.call(operation, TOKEN, target=target), *([404] if target.isascii() else [400])
                )


async def test_an_id_of_another_kind_is_not_found(service: Service) -> None:
    for operation in WITH_IDS:
        target = service.target(operation, conversation_id=service.reply, message_id=service.conversation)
        require_refusal(await service.call(operation, TOKEN, target=target), 404)


@pytest.mark.parametrize("name", NO_COUNTS)
async def test_what_is_no_whole_number_is_refused_where_one_is_meant(service: Service, name: str) -> None:
    for operation, parameter in with_parameter("query", type_="integer"):
        await require_refused_query(service, operation, f"{parameter}={NO_COUNTS[name]}")


async def test_whole_numbers_out_of_bounds_are_refused(service: Service) -> None:
    for operation, parameter in with_parameter("query", type_="integer"):
        schema = operation.parameters["query", parameter]
        for number in (schema["minimum"] - 1, schema["maximum"] + 1):
            await require_refused_query(service, operation, f"{parameter}={number}")


async def test_a_parameter_that_is_given_twice_is_refused(service: Service) -> None:
    for operation, parameter in with_parameter("query"):
        await require_refused_query(service, operation, f"{parameter}=1&{parameter}=1")


async def test_a_word_that_is_not_in_the_list_is_refused(service: Service) -> None:
    for operation, parameter in with_parameter("query"):
        for word in operation.parameters["query", parameter].get("enum", ()):
            for other in ("", word.upper(), f"{word}%00", f"%20{word}", f"{word},{word}"):
                await require_refused_query(service, operation, f"{parameter}={other}")


@pytest.mark.parametrize("name", NO_CURSORS)
async def test_what_is_no_cursor_is_refused(service: Service, name: str) -> None:
    for operation, parameter in with_parameter("query", "cursor"):
        await require_refused_query(service, operation, f"{parameter}={NO_CURSORS[name]}")


@pytest.mark.parametrize("name", NO_EVENT_IDS)
async def test_what_is_no_event_id_is_refused(service: Service, name: str) -> None:
    for operation, parameter in with_parameter("header", "Last-Event-ID"):
        require_refusal(await service.call(operation, [*TOKEN, (parameter, NO_EVENT_IDS[name])]), 400)


async def test_two_event_ids_are_refused(service: Service) -> None:
    for operation, parameter in with_parameter("header", "Last-Event-ID"):
        require_refusal(await service.call(operation, [*TOKEN, (parameter, b"1"), (parameter, b"1")]), 400)


async def test_an_event_id_past_the_end_is_answered_from_what_there_is(service: Service) -> None:
    replies = [row for row in with_parameter("header", "Last-Event-ID") if row[0] in WITH_IDS]
    for operation, parameter in replies:
        for value in (b"0", b"007", b"999999999999999"):
            answer = await service.call(operation, [*TOKEN, (parameter, value)])
            assert answer.status == 200
            assert (b'"rewind"' in answer.body) is (value == b"999999999999999")


@pytest.mark.parametrize("name", NO_FEED_IDS)
async def test_what_is_no_place_in_a_feed_is_refused(service: Service, name: str) -> None:
    for operation, parameter in with_parameter("query", "after"):
        await require_refused_query(service, operation, f"{parameter}={NO_FEED_IDS[name]}")
        if ("header", "Last-Event-ID") in operation.parameters:
            value = NO_FEED_IDS[name].encode()
            require_refusal(await service.call(operation, [*TOKEN, ("Last-Event-ID", value)]), 400)


async def test_a_place_in_a_feed_that_was_made_up_is_a_reset(service: Service) -> None:
    for operation, parameter in with_parameter("query", "after"):
        for value in ("0-0-00000000", "fffffffffffffff-fffffffff-ffffffff"):
            answer = await service.call(operation, TOKEN, target=f"{operation.path}?{parameter}={value}")
            assert answer.status == 200
            assert b'"reset":true' in answer.body or b"\nevent: reset\n" in answer.body


async def require_refused_query(service: Service, operation: Operation, query: str) -> None:
    data = request(operation.method, service.with_query(operation, query), TOKEN)
    require_refusal(await answer_to(service.base_url, data), 400, 422)
