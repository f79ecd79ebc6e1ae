"""Sends messages and regenerates replies; both operations begin a reply."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TypedDict, TypeVar

from attrs import evolve, field, frozen
from starlette.requests import Request
from starlette.types import ASGIApp

from chatcore import OnBusy, Sampling, Turn
from chatcore.conversations.trees import Trees
from chatcore.input_limits import InputLimits
from chatcore.replies.turns import Turns
from chatcore_service.api.events import BEGUN_REPLY
from chatcore_service.api.message_bodies import ContinuationBody, NewMessageBody, RegenerationBody, SamplingBody
from chatcore_service.api.message_document import MessageDocument
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Caller
from chatcore_service.http.decoding import decode_body
from chatcore_service.http.encoding import encoder, json_response
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.headers import IDEMPOTENCY_KEY, PREFER, idempotency_key, prefers_async
from chatcore_service.http.ids import conversation_id, reply_ids
from chatcore_service.http.operation import Link, Operation, documented_json
from chatcore_service.http.passed_fields import passed_fields
from chatcore_service.http.waiting_turns import WaitingTurns
from chatcore_service.streaming.streams import Streams

# -- Documents -------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class TurnDocument:
    """A user's message and the reply to it."""

    user_message: MessageDocument
    reply: MessageDocument = field(alias="assistant_message")


_turn_json = encoder(TurnDocument)

# -- Operations ------------------------------------------------------------------------------------------------------

_CONVERSATION = {"conversation_id": "$request.path.conversation_id"}
_REPLY = {**_CONVERSATION, "message_id": "$response.body#/assistant_message/id"}
_ACCEPTED = documented_json(
    202,
    TurnDocument,
    "The request was accepted with `Prefer: respond-async`, and the reply is being generated.",
    "Stream-Location",
    "Preference-Applied",
    links={
        "follow": Link("followReply", _REPLY, "Follow the reply."),
        "stop": Link("stopReply", _REPLY, "Stop the reply."),
        "open": Link("openConversation", _CONVERSATION, "Open the conversation."),
    },
)

_Begin = Callable[[], Awaitable[Turn]]
_BodyT = TypeVar("_BodyT", bound=SamplingBody)


class _Asked(TypedDict):
    """The arguments that all operations of :class:`chatcore.replies.turns.Turns` take."""

    sampling: Sampling
    idempotency_key: str | None
    as_sent: Mapping[str, object]
    trace_id: str


@frozen(kw_only=True)
class MessageEndpoints(SecuredEndpoints):
    """Begins replies, and streams each reply or returns the path of its stream."""

    turns: Turns
    trees: Trees
    bodies: BodyReader
    limits: InputLimits
    streams: Streams
    waiting_turns: WaitingTurns
    #: The values of sampling parameters that a request omits.
    default_sampling: Sampling
    #: The names of fields that go along to the inference service.
    passed_fields: Sequence[str]
    #: What becomes of a request while a reply is being generated, if the request does not say so.
    default_on_busy: OnBusy

    def entrance(self, request: Request) -> AbstractContextManager[None]:
        """Refuses a turn if too many turns wait to begin, before any work is done for it."""
        is_known = self.authenticator.knows(request)
        return self.waiting_turns.known_caller() if is_known else self.waiting_turns.authenticating()

    @secured(
        Operation(
            method="POST",
            path=paths.MESSAGES,
            id="sendMessage",
            body=NewMessageBody,
            parameters=(IDEMPOTENCY_KEY, PREFER),
            responses=(BEGUN_REPLY, _ACCEPTED),
            problems=(409,),
        )
    )
    async def send(self, request: Request, caller: Caller) -> ASGIApp:
        """Sends a message, by default after the last one, and streams the reply."""
        id_ = conversation_id(request.path_params)
        body, asked = await self._read(request, caller, NewMessageBody)
        begin = partial(
            self.turns.send,
            caller.user,
            id_,
            body.content,
            parent_id=body.followed_id,
            on_busy=body.on_busy or self.default_on_busy,
            **asked,
        )
        return await self._respond(request, caller, begin)

    @secured(
        Operation(
            method="POST",
            path=paths.REGENERATE,
            id="regenerateReply",
            body=RegenerationBody,
            parameters=(IDEMPOTENCY_KEY, PREFER),
            responses=(BEGUN_REPLY, _ACCEPTED),
            problems=(409,),
        )
    )
    async def regenerate(self, request: Request, caller: Caller) -> ASGIApp:
        """Generates another reply beside an earlier one, by default the last one, and streams it."""
        id_ = conversation_id(request.path_params)
        body, asked = await self._read(request, caller, RegenerationBody)
        begin = partial(
            self.turns.regenerate,
            caller.user,
            id_,
            message_id=body.replaced_id,
            on_busy=body.on_busy or self.default_on_busy,
            **asked,
        )
        return await self._respond(request, caller, begin)

    @secured(
        Operation(
            method="POST",
            path=paths.REPLY_CONTINUE,
            id="continueReply",
            body=ContinuationBody,
            parameters=(IDEMPOTENCY_KEY, PREFER),
            responses=(BEGUN_REPLY, _ACCEPTED),
            problems=(409,),
        )
    )
    async def continue_reply(self, request: Request, caller: Caller) -> ASGIApp:
        """Makes a reply go on from where it ended, and streams what is new."""
        ids = reply_ids(request.path_params)
        _, asked = await self._read(request, caller, ContinuationBody)
        begin = partial(
            self.turns.continue_reply,
            caller.user,
            *ids,
            **asked,
        )
        return await self._respond(request, caller, begin)

    async def _read(self, request: Request, caller: Caller, type_: type[_BodyT]) -> tuple[_BodyT, _Asked]:
        key = idempotency_key(request)
        sent = await self.bodies.read(request)
        body, passed = decode_body(sent, type_, self.limits), passed_fields(sent, self.passed_fields)
        return body, _Asked(
            sampling=body.sampling(self.default_sampling, passed),
            idempotency_key=key,
            as_sent=_as_sent(body, passed),
            trace_id=caller.trace_id,
        )

    async def _respond(self, request: Request, caller: Caller, begin: _Begin) -> ASGIApp:
        if prefers_async(request):
            turn = await self._begin(begin)
            headers = {"Location": _stream_of(turn), "Preference-Applied": "respond-async"}
            user_message, reply = await self.trees.with_siblings(turn.user_message, turn.reply)
            document = _turn_json(evolve(turn, user_message=user_message, reply=reply))
            return json_response(document, status=202, headers=headers)
        return await self._stream(caller, begin)

    async def _stream(self, caller: Caller, begin: _Begin) -> ASGIApp:
        # The slot is granted by the counts that this process knows, so that no query to the storage delays the first
        # token. The limit on replies in progress is checked at their start in any case.
        slot = await self.streams.take_slot(caller)
        try:
            turn = await self._begin(begin)
            reader = await self.turns.read(turn)
        except BaseException:
            slot.release()
            raise
        return self.streams.open(reader, caller=caller, slot=slot, place=turn.place, location=_stream_of(turn))

    async def _begin(self, begin: _Begin) -> Turn:
        with self.waiting_turns.storing():
            return await begin()


def _as_sent(body: SamplingBody, passed: Mapping[str, object]) -> Mapping[str, object]:
    """Returns the body as its sender wrote it; without passed fields, as versions that had none recorded it."""
    return {**body.as_sent(), **({"passed": passed} if passed else {})}


def _stream_of(turn: Turn) -> str:
    return paths.reply_stream(turn.reply.conversation_id, turn.reply.id)
