"""The load client notices whatever is wrong with a stream; the token source makes what it should, when it should."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, pstdev

import pytest
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.load_client import Load, LoadReport, run_load
from benchmarks.programs import PERIOD_SECONDS, free_port, running_source, serving, share_later_than
from benchmarks.tools import tool

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b'data: {"done":true}\n\n'
REQUEST = "POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
TOKENS = 4


def token(number: int) -> bytes:
    return b'data: {"token":"%b","gpu":0}\n\n' % text(number)


def text(number: int) -> bytes:
    return b"t=%016d;%06d " % (time.monotonic_ns() // 1000, number)


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def whole(*frames: bytes) -> bytes:
    return HEAD + b"".join(map(chunk, frames)) + b"0\r\n\r\n"


def in_order() -> list[bytes]:
    return [token(number) for number in range(TOKENS)]


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Generator[int]:
    """Answers one request; the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        caller, _ = listener.accept()
        with caller:
            caller.recv(65_536)
            answer(caller)

    thread = threading.Thread(target=serve)
    thread.start()
    with listener:
        yield listener.getsockname()[1]
        thread.join()


def heard(port: int, folder: Path, *, patience: float = 5.0, streams: int = 1, seconds: float = 0.2) -> LoadReport:
    load = Load(
        port=port,
        streams=[(0.001 * n, REQUEST) for n in range(streams)],
        tokens=TOKENS,
        window_begin_seconds=0.0,
        window_seconds=seconds,
        patience_seconds=patience,
    )
    return run_load(load, folder, lambda: None)


def said_of(body: bytes, folder: Path) -> str:
    """Returns the report of the client about a server that sends these bytes and closes."""
    with server(lambda caller: caller.sendall(body)) as port:
        report = heard(port, folder)
    assert report.broken_streams == bool(report.problem)
    return report.problem


# -- The client -------------------------------------------------------------------------------------------------------


def test_a_whole_stream_is_whole(tmp_path: Path) -> None:
    assert said_of(whole(*in_order(), DONE), tmp_path) == ""


def test_a_whole_stream_is_whole_however_it_is_cut_into_pieces(tmp_path: Path) -> None:
    def drip(caller: socket.socket) -> None:
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in whole(*in_order(), DONE):
            caller.sendall(bytes([byte]))

    with server(drip) as port:
        assert heard(port, tmp_path).problem == ""


def test_several_tokens_in_one_frame_and_comments_and_ids_are_as_good(tmp_path: Path) -> None:
    merged = b'id: 78\ndata: {"token":"%b%b%b"}\n\n' % (text(0), text(1), text(2))
    assert said_of(whole(b": keep-alive\n\n", merged, token(3), DONE), tmp_path) == ""


@pytest.mark.parametrize(
    ("numbers", "after"),
    [((0, 1, 3), 2), ((0, 1, 1, 2, 3), 2), ((0, 2, 1, 3), 1), ((1, 2, 3), 0)],
    ids=["missing", "repeated", "misplaced", "without the first"],
)
def test_a_token_out_of_order_breaks_a_stream(numbers: tuple[int, ...], after: int, tmp_path: Path) -> None:
    problem = said_of(whole(*map(token, numbers), DONE), tmp_path)
    assert problem.startswith(f"a wrong line after {after} tokens")


@pytest.mark.parametrize(
    "wrong",
    [
        b'data: {"token":"t=0000000000000001;000002! ","gpu":0}\n\n',
        b'data: {"token":"x","gpu":0}\n\n',
        b'data: {"error":"upstream_failed","detail":"It failed."}\n\n',
        b'data: {"token":"t=0000000000000001;000002 ","gpu":0}x\n\n',
        b"anything\n\n",
    ],
)
def test_anything_else_in_place_of_a_token_breaks_a_stream(wrong: bytes, tmp_path: Path) -> None:
    assert said_of(whole(token(0), token(1), wrong, token(3), DONE), tmp_path).startswith("a wrong line after")


def test_an_early_end_breaks_a_stream(tmp_path: Path) -> None:
    assert "a wrong line after 3 tokens" in said_of(whole(*in_order()[:3], DONE), tmp_path)
    assert "an early end after 4 tokens" in said_of(whole(*in_order()), tmp_path)
    assert "a lost connection after 4 tokens" in said_of(HEAD + chunk(b"".join(in_order())), tmp_path)


def test_a_token_after_the_end_breaks_a_stream(tmp_path: Path) -> None:
    assert "a wrong line after 4 tokens" in said_of(whole(*in_order(), DONE, token(4)), tmp_path)


def test_a_refusal_breaks_a_stream_and_is_told(tmp_path: Path) -> None:
    assert "503 Service Unavailable" in said_of(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", tmp_path)
    assert "Too many" in said_of(b"HTTP/1.1 429 Too Many\r\nContent-Length: 9\r\n\r\nToo many.", tmp_path)


def test_nobody_there_breaks_a_stream(tmp_path: Path) -> None:
    assert heard(free_port(), tmp_path).broken_streams == 1


def begin_and_wait(caller: socket.socket) -> None:
    caller.sendall(HEAD + chunk(token(0)))
    caller.recv(1)


def test_a_stream_that_never_ends_is_broken_when_patience_is_over(tmp_path: Path) -> None:
    with server(begin_and_wait) as port:
        assert "no end in time after 1 tokens" in heard(port, tmp_path, patience=0.5).problem


def test_a_stream_that_goes_on_is_whole_where_all_is_over_with_the_window(tmp_path: Path) -> None:
    with server(begin_and_wait) as port:
        assert heard(port, tmp_path, patience=0.0).problem == ""


def test_latencies_are_from_the_making_to_the_arrival(tmp_path: Path) -> None:
    def late(caller: socket.socket) -> None:
        frames = in_order()
        time.sleep(0.1)
        caller.sendall(whole(*frames, DONE))

    with server(late) as port:
        report = heard(port, tmp_path, seconds=3.0)
    assert len(report.tokens) == TOKENS
    assert len(report.first_tokens) == 1
    assert min(report.tokens) >= 100_000
    assert report.first_tokens[0] >= 100_000


# -- The source -------------------------------------------------------------------------------------------------------


def test_the_source_makes_whole_streams_and_tells_how_late_it_was(tmp_path: Path) -> None:
    with running_source(TOKENS) as source:
        report = heard(source.port, tmp_path, streams=50, seconds=1.0)
        assert (report.problem, report.broken_streams) == ("", 0)
        assert len(report.first_tokens) == 50
        assert share_later_than(source, 0) == 1.0
        # The source forgets what it has told.
        assert share_later_than(source, 0) == 0.0


def test_the_source_spreads_tokens_evenly_over_its_period() -> None:
    streams = 40
    with running_source(10) as source:
        callers = [socket.create_connection(("127.0.0.1", source.port)) for _ in range(streams)]
        for caller in callers:
            caller.sendall(REQUEST.encode())
        made = sorted(micros for caller in callers for micros in made_at(caller)[2:9])
    # Within 50 ms every stream has one token; a place of its own for each would be one every 1.25 ms.
    phases = sorted(micros % (PERIOD_SECONDS * 1e6) for micros in made)
    tenths = [sum(low <= phase < low + 5000 for phase in phases) for low in range(0, 50_000, 5000)]
    assert pstdev(tenths) < mean(tenths) / 2


def made_at(caller: socket.socket) -> list[int]:
    """When each token of a reply was made, in microseconds."""
    received = b""
    while b'"done"' not in received:
        part = caller.recv(65_536)
        assert part, received
        received += part
    caller.close()
    return [int(part[:16]) for part in received.split(b"t=")[1:]]


def test_the_source_takes_a_bearer_token_for_the_name_of_its_user() -> None:
    with running_source(TOKENS) as source:
        connection = http.client.HTTPConnection("127.0.0.1", source.port)
        connection.request("POST", "/auth/validate", '{"token":"user-7"}')
        answer = connection.getresponse().read()
        connection.close()
    assert answer == b'{"valid":true,"user":{"id":"user-7"},"claims":{"sub":"user-7"}}'


def test_a_busy_port_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    # A port that is taken by a socket that does not listen refuses connections.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with (
            pytest.raises(BenchmarkError, match=f"No program came to listen on port {port}"),
            serving([str(tool("token_source")), "{port}", "1"], port=port),
        ):
            pass
    assert f"cannot listen on port {port}: Address already in use" in capfd.readouterr().err


# -- Their making -----------------------------------------------------------------------------------------------------


def test_without_a_compiler_one_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="there is no `no-such-cc`"):
        tool("load_client", "no-such-cc", tmp_path)


def test_a_compiler_that_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"The C compiler refused token_source\.c"):
        tool("token_source", "false", tmp_path)
