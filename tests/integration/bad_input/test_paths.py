"""Methods that a path does not know, and targets that only look like one of ours."""

import pytest

from tests.integration.bad_input.described import OPERATIONS, PATHS, Operation
from tests.integration.bad_input.service import TOKEN, Service
from tests.integration.bad_input.wire import Answer, Header, answer_to, answers, request, require_refusal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("nothing_is_stored")]

METHODS = [
    *("HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH", "GET", "POST", "PUT", "DELETE"),
    *("QUERY", "PROPFIND", "MKCOL", "LINK", "PURGE", "M-SEARCH"),
]
NO_METHODS = ["get", "Get", "FOO", "G\x00T", "GET GET", "", "POST\t", "DELETEX", "PRI", "A" * 10_000]


def documented(path: str) -> set[str]:
    methods = {operation.method for operation in OPERATIONS if operation.path == path}
    is_stream = path.endswith("/stream")
    return methods | ({"HEAD"} if "GET" in methods and not is_stream else set())


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_that_a_path_does_not_know_is_refused_with_or_without_a_token(
    service: Service, method: str
) -> None:
    callers: list[list[Header]] = [[], TOKEN]
    for operation in OPERATIONS:
        if method in documented(operation.path):
            continue
        for caller in callers:
            data = request(method, service.target(operation), caller)
            answer = await answer_to(service.base_url, data, method=method)
            if method == "HEAD":
                assert (answer.status, answer.body) == (405, b"")
            else:
                # A caller of CONNECT wants a tunnel to a host, and a path is none.
                require_refusal(answer, 405, *([400] if method == "CONNECT" else []))
            if answer.status == 405:
                assert set(answer.headers["allow"].split(", ")) == documented(operation.path)


@pytest.mark.parametrize("method", NO_METHODS, ids=lambda method: repr(method[:10]))
async def test_what_is_no_method_is_no_request(service: Service, method: str) -> None:
    for path in PATHS:
        require_refusal(await answer_to(service.base_url, request(method, path, TOKEN)), 400, 431)


async def strike(service: Service, operation: Operation, target: str | bytes) -> Answer:
    return await service.call(operation, TOKEN, target=target)


# What is made of a path; each leads to nothing, or to a thing that is not there.
TWISTS = {
    "two slashes at the end": "{}//",
    "two slashes": "/{}",
    "two slashes within": "/api/{}",
    "dot": "/.{}",
    "up and down": "/x/..{}",
    "up encoded": "/%2e%2e{}",
    "parameter": "{};x=y",
    "U+0000": "{}%00",
    "line feed": "{}%0A",
    "suffix": "{}.json",
    "question mark encoded": "{}%3Fx",
    "encoded twice": "{}%2561",
    "backslash": "\\{}",
    "host": "//evil.test{}",
    "no UTF-8": "{}%ff",
    "14 kilobytes": "{}" + "/a" * 7_000,
}


@pytest.mark.parametrize("name", TWISTS)
async def test_a_path_that_is_not_ours_is_not_found(service: Service, name: str) -> None:
    for operation in OPERATIONS:
        # A path that ends in an id still has one, and it is not the caller's.
        require_refusal(await strike(service, operation, TWISTS[name].format(service.target(operation))), 400, 404)


@pytest.mark.parametrize("twist", ["/{}", "{}?", "{}#x", "http://evil.test{}", "HTTP://x{}?y", "{}?%00=%ff&&=&%"])
async def test_no_form_of_a_target_is_a_way_around_the_token(service: Service, twist: str) -> None:
    for operation in OPERATIONS:
        if operation.is_secured:
            answer = await service.call(operation, [], target=twist.format(service.target(operation)))
            require_refusal(answer, 400, 401, 404)


async def test_a_path_has_bounds(service: Service) -> None:
    for operation in OPERATIONS:
        if operation.method == "GET":
            require_refusal(await strike(service, operation, service.target(operation) + "/" + "a" * 64_000), 431)


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("a" * 64_000, 431),
        ("&".join(f"k{n}=1" for n in range(10_000)), 431),
        ("&" * 15_000, None),
        ("&".join(f"k{n}=1" for n in range(1_500)), None),
    ],
    ids=["64 KB", "10,000 parameters", "15,000 ampersands", "1,500 parameters"],
)
async def test_a_query_has_bounds_and_within_them_nothing_unknown_matters(
    service: Service, query: str, refusal: int | None
) -> None:
    for operation in OPERATIONS:
        if operation.method == "GET":
            answer = await strike(service, operation, service.with_query(operation, query))
            assert answer.status == (refusal or operation.success), operation


@pytest.mark.parametrize(
    "line",
    [
        b"GET\t/api/health\tHTTP/1.1",
        b"GET /api/health",
        b"GET /api/health HTTP/1.1 x",
        b"GET /api/health HTTP/2.0",
        b"GET /api/health HTTP/0.9",
        b"GET /api/health http/1.1",
        b"GET /api/health HTTPS/1.1",
        b"GET /api/he alth HTTP/1.1",
        b"GET api/health HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET x:80 HTTP/1.1",
        b"CONNECT evil.test:80 HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\r HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\x0e\x38\xa3\xcf\x0d\xa4\x05\x08",
        b"SSH-2.0-OpenSSH_9.9",
        b"*1\r\n$4\r\nPING",
        b"",
    ],
    ids=lambda line: repr(line[:24]),
)
async def test_a_line_that_begins_no_request_of_ours_ends_in_a_refusal(service: Service, line: bytes) -> None:
    for answer in await answers(service.base_url, line + b"\r\nhost: x\r\n\r\n"):
        assert 400 <= answer.status < 500, answer
