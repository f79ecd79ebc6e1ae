"""Tests which ports the programs of the local stack get."""

import socket

import pytest

from chatcore_dev.tcp_ports import LOOPBACK, free_port


def test_a_port_is_none_that_connections_get() -> None:
    ports = {free_port() for _ in range(200)}
    with socket.create_server((LOOPBACK, 0)) as listener:
        given_by_the_system = listener.getsockname()[1]

    # The ports differ, so that two stacks that start at the same time do not meet.
    assert len(ports) > 150
    assert max(ports) < given_by_the_system


def test_a_port_on_which_somebody_listens_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = free_port()
    with socket.create_server((LOOPBACK, taken)):
        monkeypatch.setattr("chatcore_dev.tcp_ports.PORTS", [taken, free := free_port()])
        assert {free_port() for _ in range(20)} == {free}
