"""The draining server: how it accepts connections. Its shutdown is tested by whole processes."""

import asyncio
import os
import socket

import uvloop
from starlette.types import Receive, Scope, Send
from tests.integration.entrypoints.chatcore_service.http_server import SETTINGS, live_service
from tests.integration.faults.waiting import eventually

from chatcore_service.server.draining_server import ACCEPTS_AT_ONCE, DrainingServer, server_config


def test_an_iteration_of_the_event_loop_accepts_many_connections() -> None:
    """Without that, an overloaded process could not refuse callers in time, because it would not accept them."""
    assert uvloop.run(iterations_to_accept(4 * ACCEPTS_AT_ONCE)) <= ACCEPTS_AT_ONCE


async def iterations_to_accept(count: int) -> int:
    """Lets connections wait in the kernel's queue; returns in how many iterations all of them are accepted."""
    async with live_service() as service:
        open_before = len(service.server.server_state.connections)
        callers = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(count)]
        iterations = 0
        while len(service.server.server_state.connections) < open_before + count and iterations < count:
            await asyncio.sleep(0)
            iterations += 1
        for caller in callers:
            caller.close()
        await service.connections_to_close()
    return iterations


async def test_a_worker_that_starts_lets_no_other_worker_wait_for_a_connection() -> None:
    """Workers share their socket. If it blocked, a worker that lost the race for a connection would stop to serve."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        blocked_at_start: list[bool] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await receive()
                blocked_at_start.append(os.get_blocking(listener.fileno()))
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})

        server = DrainingServer(server_config(app, SETTINGS))
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        with socket.socket(fileno=os.dup(listener.fileno())) as inherited:
            await server.startup([inherited])
            blocks_when_started = os.get_blocking(listener.fileno())
            await server.shutdown()

        assert (blocked_at_start, blocks_when_started) == ([False], False)


async def test_a_server_that_has_ended_listens_no_more() -> None:
    async with live_service() as service:
        port = service.port

    def refuses() -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", port)) != 0

    await eventually(refuses, within=5, what="new connections are refused")
