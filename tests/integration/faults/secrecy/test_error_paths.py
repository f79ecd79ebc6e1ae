"""A real service on the most talkative level of logs, on every path on which something goes wrong: it tells no secret.

The numbers are those of the catalogue of faults, part B.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.secrecy.trap import ADMIN, Trap, trapped
from tests.integration.faults.waiting import eventually
from tests.integration.inference_server import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    Call,
    Script,
    answer,
    chunk,
    close,
    hang,
    packets,
    reset,
    stream,
    token,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trap]:
    async with trapped(crash_server, tmp_path_factory.mktemp("secrecy")) as trap:
        # Remembered from now on, whatever becomes of the auth service.
        await trap.conversation()
        await trap.conversation(ADMIN)
        yield trap


@pytest_asyncio.fixture(loop_scope="module")
async def trap(service: Trap) -> AsyncIterator[Trap]:
    yield service
    service.auth_trouble = None
    service.check()


def echo(status: int, media_type: str = "application/json") -> Script:
    """Returns the script of a service that answers with all that it received, its own key included."""

    async def script(call: Call) -> None:
        heard = json.dumps(call.request.headers).encode() + call.request.body
        await answer(status, heard, media_type, b"X-Heard: " + heard[:2000])(call)

    return script


# -- What callers do wrong -------------------------------------------------------------------------------------------


async def test_a_request_that_is_refused_for_its_body_or_its_headers(trap: Trap) -> None:
    conversation = await trap.conversation()
    secret, said = trap.canaries.token.value, trap.canaries.text.value
    messages = f"{conversation}/messages"
    bodies: list[tuple[bytes, int]] = [
        (b'{"content":"%b' % said.encode(), 400),
        (b'"%b"' % said.encode(), 422),
        (b'{"content":{"%b":1}}' % said.encode(), 422),
        (b'{"content":"%b\\ud800"}' % said.encode(), 422),
        (b'{"content":"%b\\u0000"}' % said.encode(), 422),
        (b'{"content":"%b"}' % (said * 300).encode(), 422),
        (b'{"content":"x","temperature":"%b"}' % said.encode(), 422),
        (b'{"content":"x","temperature":1e400,"top_k":"%b"}' % said.encode(), 422),
        (b'{"content":"\xff%b"}' % said.encode(), 400),
        (b'{"content":"%b"}' % (said * 10_000).encode(), 413),
    ]
    for body, status in bodies:
        response = await trap.call("POST", messages, content=body, headers={**trap.bearer(), **JSON})
        assert response.status_code == status, body[:60]
    headers: list[tuple[str, str, dict[str, str], int]] = [
        ("POST", messages, {**JSON, "Idempotency-Key": f"{said} {said}"}, 422),
        ("POST", messages, {"Content-Type": f"text/{said}"}, 415),
        ("POST", messages, {**JSON, "Content-Encoding": said}, 415),
        ("GET", f"{messages}/{'0' * 8}-0000-4000-8000-{'0' * 12}/stream", {"Last-Event-ID": said}, 400),
        ("GET", f"/api/conversations?cursor={said}", {}, 422),
        ("GET", f"/api/conversations?limit={said}", {}, 422),
        ("GET", f"/api/elsewhere?token={secret}", {}, 404),
        ("POST", f"{conversation}?token={secret}", {}, 405),
        ("PUT", conversation, {**JSON, "x-trace-id": f"{secret} {said}"}, 422),
    ]
    for method, path, more, status in headers:
        content = b'{"content":"x"}' if method != "GET" else b""
        response = await trap.call(method, path, headers={**trap.bearer(), **more}, content=content)
        assert response.status_code in {status, 404 if status == 400 else status}, (path, response.text)


JSON = {"Content-Type": "application/json"}


async def test_a_caller_who_is_not_let_in(trap: Trap) -> None:
    secret = trap.canaries.token.value
    for headers in (
        {"Authorization": f"Basic {secret}"},
        {"Authorization": f"Bearer {secret} {secret}"},
        {"Authorization": f"Bearer {secret}.nobody"},
        {"Authorization": secret},
        {"Cookie": f"token={secret}", "X-Api-Key": secret, "X-User-Id": "user-alice"},
        {"Proxy-Authorization": f"Bearer {secret}.alice", "X-Forwarded-User": "user-alice"},
    ):
        response = await trap.call("GET", f"/api/conversations?access_token={secret}.alice", headers=headers)
        assert response.status_code == 401
    preflight = {"Origin": f"https://{secret}", "Access-Control-Request-Method": "GET"}
    assert (await trap.call("OPTIONS", "/api/conversations", headers=preflight)).status_code == 400
    swap = await trap.call("POST", "/api/models/swap", json={"model_tag": trap.canaries.text.value})
    assert swap.status_code == 403


async def test_more_than_a_caller_may_have(trap: Trap) -> None:
    """The refusals are 409, 429, and 422 for a key that was used for another request."""
    trap.cluster.inference.on("/generate", packets(STREAM_HEAD, chunk(token(trap.canaries.text.value)), then=hang))
    conversations = [await trap.conversation() for _ in range(3)]
    statuses = []
    for number, conversation in enumerate((*conversations[:2], *conversations[1:])):
        key = {"Prefer": "respond-async", "Idempotency-Key": f"{trap.canaries.text.value}-{number}"}
        path = f"{conversation}/messages"
        sent = await trap.call("POST", path, headers={**trap.bearer(), **key}, json=trap.saying())
        statuses.append(sent.status_code)
    assert statuses == [202, 202, 409, 429]
    reused = {**trap.bearer(), "Idempotency-Key": f"{trap.canaries.text.value}-0"}
    sent = await trap.call("POST", f"{conversations[0]}/messages", headers=reused, json=trap.saying("other"))
    assert sent.status_code == 422
    for conversation in conversations:
        assert (await trap.call("DELETE", conversation)).status_code == 204


async def test_what_is_no_http(trap: Trap) -> None:
    """The server itself answers with 400, 408, 413 and 431."""
    secret, said = trap.canaries.token.value.encode(), trap.canaries.text.value.encode()
    post = b"POST /api/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b.alice\r\n" % secret
    requests = [
        (400, b"GET /%b HTTP/9.9 %b\r\nAuthorization: %b\r\n\r\n" % (said, said, secret)),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\n%b no colon\r\n\r\n" % secret),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[2J%b\r\n\r\n" % secret),
        (431, b"GET / HTTP/1.1\r\nUser-Agent: %b\r\n\r\n" % (secret * 25_000)),
        (431, b"GET / HTTP/1.1\r\nx-trace-id: %b\r\n\r\n" % (secret * 25_000)),
        (431, b"GET /?%b HTTP/1.1\r\nHost: x\r\n\r\n" % (said * 500)),
        (413, post + b"Content-Length: 999999999\r\n\r\n" + said),
        (408, post + b"Content-Length: 1000\r\n\r\n" + said),
    ]
    for status, request in requests:
        answered = await exchange(trap.port, request)
        assert answered.startswith(b"HTTP/1.1 %d " % status), answered[:300]
        assert not any(canary.is_in(answered.decode()) for canary in trap.canaries.all)


async def exchange(port: int, request: bytes) -> bytes:
    """Returns all bytes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


# -- What goes wrong behind us ---------------------------------------------------------------------------------------


async def test_an_auth_service_in_trouble(trap: Trap) -> None:
    """The service echoes the token and our key, breaks off, is silent, or is gone."""
    troubles = [echo(500), echo(200), echo(200, "text/html"), echo(302), echo(403), echo(418), reset, close, hang]
    for number, trouble in enumerate(troubles):
        trap.auth_trouble = trouble
        # More than five failures in a row would spare the service the next question.
        response = await trap.call("GET", "/api/models", headers=trap.bearer(f"new-{number}"))
        assert response.status_code == 503
    await trap.cluster.auth.stop()
    assert (await trap.call("GET", "/api/ready")).status_code == 503
    for number in range(4):
        response = await trap.call("GET", "/api/models", headers=trap.bearer(f"newer-{number}"))
        assert response.status_code == 503
    await trap.cluster.auth.start()


async def test_an_inference_service_in_trouble(trap: Trap) -> None:
    """The service echoes the prompt and our key, breaks off, sends nonsense, is silent, or is gone."""
    begun = (STREAM_HEAD, chunk(token(trap.canaries.text.value)))
    nonsense = f'data: {{{trap.canaries.text.value}\n\ndata: ["{trap.canaries.text.value}"]\n\n'.encode()
    troubles: list[Script] = [
        *(echo(status) for status in (400, 401, 403, 418, 429, 500, 503)),
        echo(200),
        echo(302),
        reset,
        close,
        hang,
        packets(*begun, then=reset),
        packets(*begun, then=close),
        packets(*begun, then=hang),
        packets(*begun, LAST_CHUNK),
        packets(STREAM_HEAD, chunk(nonsense), chunk(b"data: " + trap.canaries.text.value.encode() * 8000), then=close),
        packets(STREAM_HEAD, trap.canaries.text.value.encode() + b"\r\n", then=close),
        stream(b'data: {"error":"%b"}\n\n' % trap.canaries.text.value.encode(), DONE),
    ]
    conversation = await trap.conversation()
    for trouble in troubles:
        for path in ("/generate", "/models", "/models/swap"):
            trap.cluster.inference.on(path, trouble)
        sent = await trap.call("POST", f"{conversation}/messages", json=trap.saying())
        assert sent.status_code == 200
        assert sent.text.endswith('data: {"done":true}\n\n')
    for trouble in (reset, packets(b"HTTP/1.1 200 OK\r\nX: " + trap.canaries.key.value.encode(), then=close)):
        for path in ("/models", "/models/swap"):
            trap.cluster.inference.on(path, trouble)
        swap = {"model_tag": trap.canaries.text.value}
        assert (await trap.call("GET", "/api/models")).status_code == 503
        assert (await trap.call("POST", "/api/models/swap", json=swap, headers=trap.bearer(ADMIN))).status_code == 503
    await trap.cluster.inference.stop()
    sent = await trap.call("POST", f"{conversation}/messages", json=trap.saying())
    assert "inference_unreachable" in sent.text
    assert (await trap.call("GET", "/api/models")).status_code == 503
    await trap.cluster.inference.start()


async def test_what_nobody_foresaw(trap: Trap) -> None:
    """The database's error quotes the row that it refuses."""
    conversation = await trap.conversation()
    async with await psycopg.AsyncConnection.connect(trap.database_url, autocommit=True) as database:
        await database.execute("alter table messages add constraint unheard_of check (content not like 'never %')")
        await database.execute("alter table conversations add constraint unseen check (title not like 'never %')")
    title = {"title": f"never {trap.canaries.text.value}", "instructions": trap.canaries.text.value}
    sent = await trap.call("POST", f"{conversation}/messages", json=trap.saying("never"))
    created = await trap.call("POST", "/api/conversations", json=title)
    renamed = await trap.call("PUT", conversation, json=title)

    assert [response.status_code for response in (sent, created, renamed)] == [500] * 3
    # A thread writes the log, maybe after the response.
    await eventually(
        lambda: trap.log().count("a request failed unexpectedly") == 3, within=10, what="three failures in the log"
    )


async def test_a_database_that_goes_away(trap: Trap) -> None:
    """The database is down between requests, and while a reply is generated that is stored later."""
    conversation = await trap.conversation()
    go_on = asyncio.Event()

    async def speak(call: Call) -> None:
        await call.send(STREAM_HEAD, chunk(token(trap.canaries.text.value)))
        while not go_on.is_set():
            await call.send(chunk(token(trap.canaries.text.value)))
            await asyncio.sleep(0.1)
        await call.send(chunk(token("and more")), chunk(DONE), LAST_CHUNK)

    trap.cluster.inference.on("/generate", speak)
    sent = await trap.call(
        "POST", f"{conversation}/messages", json=trap.saying(), headers={**trap.bearer(), "Prefer": "respond-async"}
    )
    assert sent.status_code == 202
    trap.proxy.refuses = True
    trap.proxy.reset_all()
    requests = [("GET", "/api/conversations"), ("GET", conversation), ("DELETE", conversation), ("GET", "/api/ready")]
    refusals = await asyncio.gather(*(trap.call(method, path) for method, path in requests))
    assert [response.status_code for response in refusals] == [503] * 4
    await eventually(lambda: "background work failed" in trap.log(), within=5, what="a checkpoint that fails")
    go_on.set()
    trap.proxy.heal()

    async def is_stored() -> bool:
        opened = await trap.call("GET", conversation)
        return opened.is_success and "and more" in opened.text

    await eventually(is_stored, within=15, what="the reply being stored")


# -- What anybody can see --------------------------------------------------------------------------------------------


async def test_the_pages_that_need_no_token(trap: Trap) -> None:
    for path in ("/", "/metrics", "/openapi.json", "/docs", "/api/health", "/api/ready"):
        page = await trap.call("GET", path, headers={})
        assert page.status_code in {200, 307, 503}
        assert not any(canary.is_in(page.text) for canary in trap.canaries.all), path


async def test_every_line_of_the_log_is_one_line_of_json_whatever_a_caller_sends(trap: Trap) -> None:
    hostile = [
        "%0a%7B%22level%22:%22error%22%7D",
        "%0d%0aSet-Cookie:%20a=b",
        "%1b[31mred%1b[0m",
        "%e2%80%a8%e2%80%a9%c2%85",
        "%00%08%0b%1f",
        "%22,%22level%22:%22critical",
        "%ed%a0%80%ff",
        "x" * 3000,
    ]
    agents = ["x" * 12_000, "%1b[2J%0d%0a", '"}', "${jndi:ldap://x}"]
    lines_before = len(trap.log().splitlines())
    for path in hostile:
        response = await trap.call("GET", f"/api/injected/{path}", headers={"User-Agent": agents[len(path) % 4]})
        assert response.status_code == 404, path[:50]
    for agent in agents:
        await trap.call("GET", "/api/injected/agent", headers={"User-Agent": agent, "x-trace-id": agent[:3000]})

    def lines() -> list[str]:
        return trap.log().splitlines()[lines_before:]

    def requests() -> list[dict[str, object]]:
        return [line for line in map(json.loads, lines()) if str(line.get("path", "")).startswith("/api/injected/")]

    await eventually(lambda: len(requests()) == len(hostile) + len(agents), within=5, what="a line a request")
    assert all(line.isascii() and line.isprintable() and len(line) < 5000 for line in lines())
    assert {(line["level"], line["status_code"]) for line in requests()} == {("info", 404)}


async def test_a_drain(trap: Trap) -> None:
    """The service is stopped last."""
    conversations = [await trap.conversation() for _ in range(2)]
    trap.cluster.inference.on("/generate", packets(STREAM_HEAD, chunk(token(trap.canaries.text.value)), then=hang))
    sent = await trap.call(
        "POST",
        f"{conversations[0]}/messages",
        json=trap.saying(),
        headers={**trap.bearer(), "Prefer": "respond-async"},
    )
    assert sent.status_code == 202
    (replica,) = trap.cluster.replicas
    replica.terminate()
    await eventually(lambda: '"message":"draining"' in trap.log(), within=5, what="the drain")
    refused = await trap.call("POST", f"{conversations[1]}/messages", json=trap.saying())
    assert refused.status_code == 503
    await replica.exit_status(within=20)

    log = trap.log()
    assert log.isascii()
    assert all(isinstance(json.loads(line), dict) for line in log.splitlines())
    for told in ("the auth service gave no usable answer", "inference_refused", "a reply has ended", "drained"):
        assert told in log
