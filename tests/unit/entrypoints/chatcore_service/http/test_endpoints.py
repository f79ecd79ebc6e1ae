"""Endpoint classes: which methods of which paths they serve."""

import pytest
from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.http.caller import Caller
from chatcore_service.http.endpoints import PublicEndpoints, operations, public, secured
from chatcore_service.http.operation import DocumentedResponse, Operation

DONE = (DocumentedResponse(status=204, description="Done."),)


@frozen(kw_only=True)
class ThingEndpoints(PublicEndpoints):
    @public(Operation(method="GET", path="/things", id="listThings", responses=DONE))
    async def index(self, _request: Request) -> Response:
        return Response(status_code=204)

    @public(Operation(method="GET", path="/stream", id="streamThings", responses=DONE, has_head=False))
    async def stream(self, _request: Request) -> Response:
        return Response(status_code=204)

    @public(Operation(method="POST", path="/things", id="createThing", responses=DONE))
    async def create(self, _request: Request) -> Response:
        return Response(status_code=204)


def test_a_path_serves_the_methods_of_its_operations_and_head_with_get() -> None:
    served = {resource.path: list(resource.handlers) for resource in ThingEndpoints().resources()}

    assert served == {"/things": ["GET", "HEAD", "POST"], "/stream": ["GET"]}


def test_operations_come_in_the_order_of_their_declaration() -> None:
    assert [operation.id for operation, _ in operations(ThingEndpoints)] == [
        "listThings",
        "streamThings",
        "createThing",
    ]


def test_a_secured_handler_in_a_public_class_is_refused() -> None:
    class Mixed(PublicEndpoints):
        @secured(Operation(method="GET", path="/secret", id="showSecret", responses=DONE))
        async def show(self, _request: Request, _caller: Caller) -> Response:
            return Response(status_code=204)

    with pytest.raises(TypeError, match=r"Mixed\.show is marked as a secured operation"):
        Mixed().resources()
