"""Deletes parts of the trees of conversations."""

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore.conversations.trees import Trees
from chatcore_service.http import paths
from chatcore_service.http.caller import Caller
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.ids import reply_ids
from chatcore_service.http.operation import DocumentedResponse, Operation


@frozen(kw_only=True)
class TreeEndpoints(SecuredEndpoints):
    """Gives access to the messages of all branches."""

    trees: Trees

    @secured(
        Operation(
            method="DELETE",
            path=paths.MESSAGE,
            id="deleteMessage",
            responses=(
                DocumentedResponse(
                    status=204,
                    description="The message was deleted, with everything below it. If the newest message of the "
                    "active branch was among that, the newest message that is left below the same parent is shown, or "
                    "the parent itself.",
                ),
            ),
            problems=(409,),
        )
    )
    async def delete(self, request: Request, caller: Caller) -> Response:
        """Deletes a message and all messages below it.

        While any reply of the conversation is being generated, the request is refused with 409: stop the reply first.
        """
        await self.trees.delete_message(caller.user, *reply_ids(request.path_params))
        return Response(status_code=204)
