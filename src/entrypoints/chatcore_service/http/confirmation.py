"""Requires that a caller confirms a request that destroys much, so that none is sent by mistake."""

from typing import Annotated, Literal, get_args

from starlette.requests import Request

from chatcore_service.http.fields import Doc
from chatcore_service.http.operation import Parameter
from chatcore_service.http.refusals import NotConfirmedError

CONFIRM_DELETE_ALL = Parameter(
    "header",
    "X-Confirm",
    Annotated[Literal["delete-all"], Doc("Says that the caller means it.")],
    component="confirm_delete_all",
    is_required=True,
)


def require_confirmation(request: Request, parameter: Parameter) -> None:
    """Checks that a request has the header `parameter` once, with its only value.

    Raises:
        NotConfirmedError: the header is missing, has another value, or comes twice.
    """
    (value,) = get_args(get_args(parameter.type)[0])
    if request.headers.getlist(parameter.name) != [value]:
        raise NotConfirmedError(parameter.name, value)
