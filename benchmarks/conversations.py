"""Conversations that are made for a measurement, and what is asked of them."""

import http.client
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from attrs import frozen
from benchmarks.problem import BenchmarkError

#: In the making at once, as many as the service allows one user by default.
_REPLIES_PER_USER = 8


@frozen
class Conversation:
    """One that was made for a stream."""

    user: str
    id: str

    def turn(self, port: int) -> str:
        """The request that begins a turn."""
        return request(f"POST {self._path}/messages", port, self._headers, '{"content":"What do you know of the sea?"}')

    def reader(self, port: int, reply_id: str) -> str:
        """The request that follows its reply from the beginning."""
        return request(f"GET {self._path}/messages/{reply_id}/stream", port, self._headers)

    def newest_reply(self, connection: http.client.HTTPConnection) -> str:
        """The id of its last message, which is its reply."""
        connection.request("GET", self._path, headers=self._headers)
        id_: str = orjson.loads(connection.getresponse().read())["messages"][-1]["id"]
        return id_

    @property
    def _path(self) -> str:
        return f"/api/conversations/{self.id}"

    @property
    def _headers(self) -> Mapping[str, str]:
        return _authorization(self.user)


def conversations(port: int, streams: int) -> Sequence[Conversation]:
    """One for each stream, of the service on this port. To make them has each user's token validated, and remembered.

    Raises:
        BenchmarkError: the service makes none.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port)
    made = [_conversation(connection, f"user-{n // _REPLIES_PER_USER}") for n in range(streams)]
    connection.close()
    return made


def _conversation(connection: http.client.HTTPConnection, user: str) -> Conversation:
    connection.request("POST", "/api/conversations", headers=_authorization(user))
    response = connection.getresponse()
    said = response.read()
    if response.status != HTTPStatus.CREATED:
        raise BenchmarkError(f"The service made no conversation: {said.decode(errors='replace')}")
    return Conversation(user, orjson.loads(said)["id"])


def _authorization(user: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {user}"}


def request(target: str, port: int, headers: Mapping[str, str], body: str = "") -> str:
    """A whole request: method and path, headers, and a body of JSON if there is one."""
    lines = [f"{target} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body])
