"""The server that the fault tests crash must itself keep what it acknowledged."""

from __future__ import annotations

import psycopg

from tests.integration.embedded_postgres import EmbeddedPostgres


def test_what_was_committed_survives_an_immediate_stop() -> None:
    with EmbeddedPostgres() as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept (word text)")
            connection.execute("insert into kept values ('durable')")

        server.restart("immediate")

        with psycopg.connect(server.url()) as connection:
            assert connection.execute("select word from kept").fetchall() == [("durable",)]
