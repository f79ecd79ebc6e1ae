"""Headers that are missing, twice, too long or meant for somebody else, on every route that reads them."""

import gzip
import zlib

import pytest

from chatcore_service.http import paths
from tests.integration.bad_input.described import OPERATIONS, SECURED, WITH_BODY, with_parameter
from tests.integration.bad_input.service import TOKEN, Service
from tests.integration.bad_input.wire import Header, answer_to, request, require_refusal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("nothing_is_stored")]

NOT_ONE_TOKEN: dict[str, list[Header]] = {
    "none": [],
    "empty": [("authorization", "")],
    "scheme alone": [("authorization", "Bearer")],
    "scheme and a space": [("authorization", "Bearer ")],
    "no scheme": [("authorization", "token-of-root")],
    "tab": [("authorization", "Bearer\ttoken-of-root")],
    "another scheme": [("authorization", "Basic dG9rZW4tb2Ytcm9vdDo=")],
    "unknown": [("authorization", "Bearer token-of-nobody")],
    "beginning of one": [("authorization", "Bearer token-of-roo")],
    "one and more": [("authorization", "Bearer token-of-root.x")],
    "another case": [("authorization", "Bearer TOKEN-OF-ROOT")],
    "two in one": [("authorization", "Bearer token-of-root, Bearer token-of-root")],
    "two": [("authorization", "Bearer token-of-root"), ("Authorization", "Bearer token-of-root")],
    "good and bad": [("authorization", "Bearer token-of-root"), ("Authorization", "Basic x")],
    "bad and good": [("authorization", "Bearer x"), ("Authorization", "Bearer token-of-root")],
    "quoted": [("authorization", 'Bearer "token-of-root"')],
    "no ASCII": [("authorization", "Bearer tök€n")],
    "no UTF-8": [("authorization", b"Bearer \xff\xfe")],
    "JSON": [("authorization", 'Bearer {"sub":"root"}')],
    "SQL": [("authorization", "Bearer 'or'1'='1")],
    "8 kilobytes": [("authorization", "Bearer " + "a" * 8_000)],
    "cookie": [("cookie", "token=token-of-root; authorization=Bearer token-of-root; session=root")],
    "API key": [("x-api-key", "token-of-root"), ("api-key", "token-of-root"), ("x-auth-token", "token-of-root")],
    "internal key": [("x-internal-api-key", "internal-key-of-the-fault-tests")],
    "user by name": [("x-user-id", "root"), ("x-user", "root"), ("remote-user", "root"), ("x-is-admin", "true")],
    "forwarded": [
        ("x-forwarded-user", "root"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-authorization", "Bearer token-of-root"),
        ("forwarded", "for=127.0.0.1;by=root"),
        ("x-real-ip", "127.0.0.1"),
    ],
    "proxy": [("proxy-authorization", "Bearer token-of-root")],
    "rewritten": [("x-original-url", "/api/health"), ("x-rewrite-url", "/api/health"), ("x-http-method", "GET")],
    "underscore": [("http_authorization", "Bearer token-of-root")],
}
HOSTS: dict[str, str | bytes] = {
    "path": "x/api/health",
    "query": "x?/api/health",
    "fragment": "x#",
    "user": "root@x",
    "backslash": "x\\api\\health",
    "empty": "",
    "port that is none": "x:y",
    "IPv6": "[::1]",
    "no UTF-8": b"\xff",
    "8 kilobytes": "x" * 8_000,
}
NO_KEYS: dict[str, list[Header]] = {
    "empty": [("idempotency-key", "")],
    "256 characters": [("idempotency-key", "k" * 256)],
    "8 kilobytes": [("idempotency-key", "k" * 8_000)],
    "space": [("idempotency-key", "a b")],
    "tab": [("idempotency-key", "a\tb")],
    "Unicode": [("idempotency-key", "schlüssel")],
    "no UTF-8": [("idempotency-key", b"\xff")],
    "delete": [("idempotency-key", b"a\x7fb")],
    "two": [("idempotency-key", "a"), ("Idempotency-Key", "a")],
}
NO_CHARACTERS_OF_A_HEADER = {
    "U+0000": b"a\x00b",
    "carriage return": b"a\rb",
    "line feed": b"a\nb: c\n\n",
    "folded": b"a\r\n b",
    "bell": b"a\x07b",
}
OTHER_MEDIA_TYPES: dict[str, list[Header]] = {
    "missing": [],
    "empty": [("content-type", "")],
    "text": [("content-type", "text/plain")],
    "form": [("content-type", "application/x-www-form-urlencoded")],
    "parts": [("content-type", "multipart/form-data; boundary=x")],
    "parts without a boundary": [("content-type", "multipart/form-data")],
    "UTF-7": [("content-type", "application/json; charset=utf-7")],
    "UTF-16": [("content-type", "application/json; charset=utf-16")],
    "latin-1": [("content-type", "application/json; charset=iso-8859-1")],
    "two": [("content-type", "application/json"), ("Content-Type", "application/json")],
    "two in one": [("content-type", "application/json, text/plain")],
    "suffix": [("content-type", "application/vnd.api+json")],
    "prefix": [("content-type", "application/jsonp")],
    "no ASCII": [("content-type", "application/jsön")],
}
ENCODINGS = {
    "gzip": gzip.compress(b'{"content":"x","title":"x","model_tag":"x"}'),
    "deflate": zlib.compress(b'{"content":"x","title":"x","model_tag":"x"}'),
    "br": b"\x0b\x02\x80{}\x03",
    "zstd": b"\x28\xb5\x2f\xfd",
    "identity, gzip": gzip.compress(b"{}"),
    "gzip, gzip": gzip.compress(gzip.compress(b" " * 10_000_000)),
    "x-nothing": b"{}",
}


@pytest.mark.parametrize("name", NOT_ONE_TOKEN)
async def test_nothing_but_one_token_proves_who_calls(service: Service, name: str) -> None:
    for operation in SECURED:
        target = service.with_query(operation, "token=token-of-root&access_token=token-of-root")
        answer = await service.call(operation, NOT_ONE_TOKEN[name], target=target)
        require_refusal(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("size", [64_000, 5_000_000])
async def test_a_token_that_is_larger_than_headers_may_be_is_refused_before_it_is_read(
    service: Service, size: int
) -> None:
    for operation in SECURED:
        require_refusal(await service.call(operation, [("authorization", "Bearer " + "a" * size)]), 431)


@pytest.mark.parametrize("name", HOSTS)
async def test_no_host_is_a_way_around_the_token(service: Service, name: str) -> None:
    for operation in OPERATIONS:
        answer = await service.call(operation, [("host", HOSTS[name])])
        assert answer.status == (401 if operation.is_secured else operation.success), operation


@pytest.mark.parametrize("name", NO_CHARACTERS_OF_A_HEADER)
async def test_no_header_holds_a_line_or_a_control_character(service: Service, name: str) -> None:
    for operation in OPERATIONS:
        for header in ("authorization", "x-trace-id", "idempotency-key", "last-event-id", "prefer", "x-any"):
            value = b"Bearer token-of-nobody" + NO_CHARACTERS_OF_A_HEADER[name]
            answer = await service.call(operation, [(header, value)])
            assert answer.status in ({400, 401} if operation.is_secured else {200, 400}), (operation, header)
            assert "\r" not in str(answer.headers.values())


@pytest.mark.parametrize("name", NO_KEYS)
async def test_what_is_no_idempotency_key_is_refused(service: Service, name: str) -> None:
    for operation, _ in with_parameter("header", "Idempotency-Key"):
        require_refusal(await service.call(operation, [*TOKEN, *NO_KEYS[name]]), 400, 422)


@pytest.mark.parametrize("name", OTHER_MEDIA_TYPES)
async def test_a_body_that_is_not_called_json_is_refused(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        headers = [*TOKEN, *OTHER_MEDIA_TYPES[name]]
        require_refusal(await service.call(operation, headers, is_with_type=False), 415)


@pytest.mark.parametrize("name", ENCODINGS)
async def test_a_body_that_is_encoded_is_refused_and_not_inflated(service: Service, name: str) -> None:
    for operation in WITH_BODY:
        headers: list[Header] = [*TOKEN, ("content-encoding", name)]
        require_refusal(await service.call(operation, headers, body=ENCODINGS[name]), 415)


async def test_who_is_refused_is_not_told_to_send_the_body(service: Service) -> None:
    for operation in WITH_BODY:
        headers: list[Header] = [("expect", "100-continue"), ("content-type", "application/json")]
        data = request(operation.method, service.target(operation), headers, b"{}")
        require_refusal(await answer_to(service.base_url, data), 401)


@pytest.mark.parametrize(
    "headers",
    [
        [("range", "bytes=0-1")],
        [("range", "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)))],
        [("if-match", "*"), ("if-none-match", "*"), ("if-modified-since", "Thu, 01 Jan 2099 00:00:00 GMT")],
        [("accept", "application/xml")],
        [("accept", "*/*;q=0"), ("accept-encoding", "gzip;q=1.0, *;q=0"), ("accept-charset", "utf-7")],
        [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "x"),
            ("sec-websocket-version", "13"),
        ],
        [("connection", "upgrade, http2-settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAAP__")],
        [("x-http-method-override", "DELETE"), ("x-method-override", "DELETE")],
        [("expect", "200-ok")],
        [("te", "trailers"), ("trailer", "authorization"), ("max-forwards", "0")],
    ],
    ids=["range", "1000 ranges", "conditions", "media type", "encodings", "websocket", "h2c", "method", "expect", "te"],
)
async def test_what_a_header_asks_for_that_is_not_offered_is_passed_over(
    service: Service, headers: list[Header]
) -> None:
    for operation in OPERATIONS:
        # The built-in page is compressed for those who take that, and not sent to those who have it.
        if operation.method == "GET" and operation.path != paths.ROOT:
            answer = await service.call(operation, [*TOKEN, *headers])
            assert answer.status == operation.success, operation
            assert "content-encoding" not in answer.headers
