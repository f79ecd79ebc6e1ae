"""Turns errors into problem documents (RFC 9457), and has the only table of the errors' HTTP statuses."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from attrs import Factory, frozen
from starlette.responses import Response

from chatcore import errors
from chatcore.errors import ChatError, FieldProblem
from chatcore_service.http import media_types, paths
from chatcore_service.http.encoding import encoder
from chatcore_service.http.fields import Doc, Keywords
from chatcore_service.http.refusals import RefusedError

UNEXPECTED_CODE = "internal_error"
UNEXPECTED_SENTENCE = "Something went wrong on our side. It has been logged."

#: The status of each error of the core; a class that is not listed has the status of its parent class.
STATUSES: Mapping[type[ChatError], HTTPStatus] = {
    ChatError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAuthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.NotAdminError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.NothingToRegenerateError: HTTPStatus.BAD_REQUEST,
    errors.IdempotencyKeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyGenerationsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.InferenceKeyRefusedError: HTTPStatus.BAD_GATEWAY,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

# A hostile body can have thousands of problems, and field names as long as the body.
MAX_PROBLEMS = 20
MAX_FIELD_CHARS = 100
_MAX_PROBLEMS_IN_DETAIL = 5


@frozen(kw_only=True)
class _FieldError:
    field: Annotated[str, Keywords(maxLength=MAX_FIELD_CHARS)]
    problem: str


@frozen(kw_only=True)
class ProblemDocument:
    """A problem document (RFC 9457)."""

    type: Annotated[str, Keywords(format="uri")]
    title: str
    status: int
    detail: Annotated[str, Doc("One clear sentence.")]
    code: Annotated[str, Doc("A stable code for programs.")]
    errors: Annotated[
        list[_FieldError],
        Keywords(maxItems=MAX_PROBLEMS),
        Doc(f"Each field with a problem: the first {MAX_PROBLEMS}, with names cut to {MAX_FIELD_CHARS} characters."),
    ] = Factory(list[_FieldError])


def refused(error: RefusedError) -> Response:
    """Returns the response to a request that HTTP itself forbids."""
    return _problem(error.status, error.code, str(error), problems=error.problems, headers=error.headers)


def chat_error(error: ChatError) -> Response:
    """Returns the response to a request that the core refused."""
    return _problem(
        status_of(type(error)), error.code, _detail(error), problems=_problems(error), headers=_headers(error)
    )


def unexpected() -> Response:
    """Returns the response to a request that failed unexpectedly, without the cause."""
    return _problem(500, UNEXPECTED_CODE, UNEXPECTED_SENTENCE)


def status_of(error_type: type[ChatError]) -> int:
    """Returns the HTTP status of an error of the core."""
    return int(next(STATUSES[base] for base in error_type.__mro__ if base in STATUSES))


def _detail(error: ChatError) -> str:
    if not isinstance(error, errors.InvalidInputError):
        return str(error)
    sentence = str(errors.InvalidInputError(*_problems(error)[:_MAX_PROBLEMS_IN_DETAIL]))
    more = len(error.problems) - _MAX_PROBLEMS_IN_DETAIL
    return f"{sentence.removesuffix('.')}; and {more} more." if more > 0 else sentence


def _problems(error: ChatError) -> tuple[FieldProblem, ...]:
    match error:
        case errors.InvalidInputError():
            return tuple(
                FieldProblem(problem.field[:MAX_FIELD_CHARS], problem.problem)
                for problem in error.problems[:MAX_PROBLEMS]
            )
        case errors.IdempotencyKeyReusedError():
            return (FieldProblem("Idempotency-Key", "was already used for a different request"),)
        case _:
            return ()


def _headers(error: ChatError) -> dict[str, str]:
    match error:
        case errors.NotAuthenticatedError():
            return {"WWW-Authenticate": "Bearer"}
        case errors.GenerationInProgressError():
            return {"Location": paths.reply_stream(error.conversation_id, error.message_id)}
        case errors.InferenceKeyRefusedError():
            # A repeat is of no use before an operator has mended the key.
            return {}
        case errors.TooManyGenerationsError() | errors.UnavailableError():
            return {"Retry-After": str(error.retry_after_seconds)}
        case _:
            return {}


def _problem(
    status: int,
    code: str,
    detail: str,
    *,
    problems: tuple[FieldProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = _body(status, code, detail, problems)
    return Response(body, status_code=status, media_type=media_types.PROBLEM, headers=headers)


def problem_body(error: RefusedError) -> bytes:
    """Returns only the document's JSON, for code that writes the response itself."""
    return _body(error.status, error.code, str(error), error.problems)


def _body(status: int, code: str, detail: str, problems: tuple[FieldProblem, ...]) -> bytes:
    document = ProblemDocument(
        type=f"urn:chatcore:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=int(status),
        detail=detail,
        code=code,
        errors=[_FieldError(field=problem.field, problem=problem.problem) for problem in problems],
    )
    # The JSON is ASCII, because a field's name may contain a lone surrogate, which UTF-8 cannot encode.
    return json.dumps(_problem_json(document)).encode()


_problem_json = encoder(ProblemDocument)
