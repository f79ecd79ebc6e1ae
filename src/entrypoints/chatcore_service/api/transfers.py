"""Exports and imports all conversations of a user."""

from typing import Annotated, Any, Final

from attrs import Factory, frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from chatcore.input_limits import InputLimits
from chatcore.ports import Clock
from chatcore.transfers.use_cases import Transfers
from chatcore_service.http import media_types, paths
from chatcore_service.http.caller import Caller
from chatcore_service.http.encoding import encoder, json_response
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.fields import Count, Doc, Keywords
from chatcore_service.http.one_at_a_time import OneAtATime
from chatcore_service.http.operation import DocumentedResponse, Operation, documented_json
from chatcore_service.http.refusals import TokenRequiredError, UnknownFileFormatError
from chatcore_service.http.upload import MEDIA_TYPES, Upload
from chatcore_service.settings import RequestSettings
from chatcore_service.streaming.json_stream import JsonStream
from chatcore_service.transfers.detecting_reader import DetectingReader
from chatcore_service.transfers.importing import MAX_PROBLEMS, ImportReport, import_all
from chatcore_service.transfers.reading import UnknownFormatError
from chatcore_service.transfers.writer import written

_DOWNLOAD: Final = {"Content-Disposition": 'attachment; filename="conversations.jsonl"', "Cache-Control": "no-store"}


@frozen(kw_only=True)
class ImportProblem:
    """A conversation that was not imported."""

    line: Annotated[
        Count, Doc("The number of the line or, in an export of ChatGPT, of the conversation in its file, from 1.")
    ]
    problem: str


@frozen(kw_only=True)
class ImportDocument:
    """What became of the conversations of a file."""

    imported: Count
    skipped: Annotated[Count, Doc("Conversations that were there already or have a problem.")]
    problems: Annotated[
        list[ImportProblem], Keywords(maxItems=MAX_PROBLEMS), Doc(f"The first {MAX_PROBLEMS} problems.")
    ] = Factory(list[ImportProblem])


def _import_json(report: ImportReport) -> dict[str, Any]:
    return {**_encode(report), "problems": [_encode_problem(problem) for problem in report.problems]}


_encode = encoder(ImportDocument)
_encode_problem = encoder(ImportProblem)


@frozen(kw_only=True)
class TransferEndpoints(SecuredEndpoints):
    """Moves a user's conversations in and out."""

    transfers: Transfers
    clock: Clock
    limits: InputLimits
    requests: RequestSettings
    exports: OneAtATime = Factory(OneAtATime)
    imports: OneAtATime = Factory(OneAtATime)

    @secured(
        Operation(
            method="GET",
            path=paths.EXPORT,
            id="exportConversations",
            responses=(
                DocumentedResponse(
                    status=200,
                    description="JSON lines: first `format` and `version`, then each conversation with all its "
                    "messages. A response that ends in the middle of a line was broken off.",
                    content={media_types.NDJSON: None},
                    headers=("Content-Disposition", "Cache-Control"),
                ),
            ),
            problems=(403,),
        )
    )
    async def export(self, request: Request, caller: Caller) -> ASGIApp:
        """Exports all conversations of the user."""
        if not caller.token:
            # Any page could make a browser ask for all of it, with what a proxy takes for proof.
            raise TokenRequiredError
        if request.method == "HEAD":
            response = Response(media_type=media_types.NDJSON, headers=_DOWNLOAD)
            del response.headers["content-length"]
            return response
        user = caller.user
        self.exports.enter(user.id)
        pieces = written(self.transfers, user, self.clock.now())
        return self.exports.left_after(
            JsonStream((), pieces, media_type=media_types.NDJSON, headers=_DOWNLOAD), user.id
        )

    @secured(
        Operation(
            method="POST",
            path=paths.IMPORT,
            id="importConversations",
            upload=MEDIA_TYPES,
            responses=(documented_json(200, ImportDocument, "What became of each conversation."),),
        )
    )
    async def import_(self, request: Request, caller: Caller) -> Response:
        """Imports conversations from an export of this service, or from the `conversations.json` of ChatGPT."""
        upload = Upload(request, self.clock, self.requests.body_timeout_seconds)
        upload.require_acceptable()
        report = ImportReport()
        with self.imports.turn_of(caller.user.id):
            reader = DetectingReader(caller.user.id, self.limits.max_title_chars)
            try:
                await import_all(upload.parts(), reader, self.transfers.add, report, on_progress=upload.hold)
            except UnknownFormatError as error:
                raise UnknownFileFormatError from error
            finally:
                upload.hold(0)
        return json_response(_import_json(report))
