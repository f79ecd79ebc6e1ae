"""Sends messages and regenerates replies; both operations begin a reply."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

import orjson
from attrs import asdict, field, frozen
from starlette.requests import Request
from starlette.types import ASGIApp

from chatcore import OnBusy, ReplyError, Sampling, Turn
from chatcore.conversations.message import FinishReason, Role, Status
from chatcore.conversations.parts import Part, PartKind
from chatcore.input_limits import InputLimits
from chatcore.replies.sampling import MAX_TOP_K
from chatcore.replies.turns import Turns
from chatcore_service.api.events import BEGUN_REPLY
from chatcore_service.api.field_types import Content, MaxTokens, Temperature
from chatcore_service.http import paths
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.caller import Caller
from chatcore_service.http.decoding import decode_body
from chatcore_service.http.encoding import Json, encoded_by, encoder, json_response
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.fields import Count, Doc, Instant, Keywords, Rule
from chatcore_service.http.headers import IDEMPOTENCY_KEY, PREFER, idempotency_key, prefers_async
from chatcore_service.http.ids import conversation_id, reply_ids
from chatcore_service.http.operation import Link, Operation, documented_json
from chatcore_service.http.passed_fields import passed_fields
from chatcore_service.http.waiting_turns import WaitingTurns
from chatcore_service.streaming.streams import Streams

# -- Documents -------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class TextPart:
    """Text that is shown to the user."""

    type: Literal["text"]
    text: str


@frozen(kw_only=True)
class ReasoningPart:
    """What the model thought before or between its text."""

    type: Literal["reasoning"]
    text: str


@frozen(kw_only=True)
class DataPart:
    """A JSON object that is neither, such as a tool call, a tool result or a citation."""

    type: Literal["data"]
    data: Annotated[dict[str, object], Doc("The object as the model sent it.")]


def part_json(part: Part) -> Json:
    """Encodes a part of a reply."""
    if part.kind is PartKind.DATA:
        return {"type": part.kind, "data": orjson.Fragment(part.body)}
    return {"type": part.kind, "text": part.body}


def _parts_json(parts: Sequence[Part]) -> list[Json]:
    return [part_json(part) for part in parts]


@frozen(kw_only=True)
class MessageDocument:
    """A message of a conversation."""

    id: UUID
    conversation_id: UUID
    role: Role
    content: Annotated[
        str,
        Doc(
            "In an opened conversation, a streaming reply has the text that is stored so far; its stream has the rest."
        ),
    ]
    token_count: Annotated[Count | None, Doc("Null only while the reply is streaming.")]
    model_tag: Annotated[str, Doc("The model that was asked or, for a message of a user, that was to answer.")]
    inference_time_ms: Annotated[Count | None, Doc("Null only while the reply is streaming.")]
    created_at: Instant
    status: Status
    error: Annotated[
        ReplyError | None,
        Doc(
            "Why the reply is not complete: `stopped` if its status is `stopped`; if it is `interrupted` or `failed`, "
            "`context_too_long` where the conversation is too long for the model, or one of the `inference_` codes. "
            "Null for every other message."
        ),
    ]
    finish_reason: Annotated[
        FinishReason | None, Doc("Why the model ended a complete reply. Null where the model does not say.")
    ]
    parent_id: UUID | None
    stream_id: Annotated[
        str | None,
        Doc(
            "The id of the event in the reply's stream up to which this document shows the reply; follow the stream "
            "from there. Null for every other message."
        ),
    ]
    parts: Annotated[
        Sequence[TextPart | ReasoningPart | DataPart],
        Doc(
            "The parts of a reply that has more than text, in the order in which the model sent them. `content` is the "
            "text of all text parts. Without the field, `content` is the whole reply."
        ),
    ] = field(default=(), metadata=encoded_by(_parts_json))


@frozen(kw_only=True)
class TurnDocument:
    """A user's message and the reply to it."""

    user_message: MessageDocument
    reply: MessageDocument = field(alias="assistant_message")


message_json = encoder(MessageDocument)
_turn_json = encoder(TurnDocument)

# -- Bodies ----------------------------------------------------------------------------------------------------------

TopK = Annotated[int, Rule(lambda value: Sampling(top_k=value)), Keywords(minimum=0, maximum=MAX_TOP_K)]
OnBusyField = Annotated[
    OnBusy,
    Doc(
        "What happens while a reply is being generated in the conversation. `reject`: the request is refused with 409. "
        "`interrupt`: the reply is stopped and keeps its text; a message then follows it, and a regeneration adds "
        "another reply beside it. Without a value, the service's setting `SEND_ON_BUSY` decides."
    ),
]


@frozen(kw_only=True)
class SamplingBody:
    """What every request for text of a model may say; the service's defaults replace omitted values."""

    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    top_k: TopK | None = None

    def sampling(self, defaults: Sampling, passed: Mapping[str, object]) -> Sampling:
        """Returns the parameters for the reply."""
        return Sampling(
            temperature=defaults.temperature if self.temperature is None else self.temperature,
            max_tokens=defaults.max_tokens if self.max_tokens is None else self.max_tokens,
            top_k=defaults.top_k if self.top_k is None else self.top_k,
            passed=passed,
        )

    def as_sent(self) -> dict[str, object]:
        """Returns the body as its sender wrote it, to which an idempotency key is bound."""
        return asdict(self)


@frozen(kw_only=True)
class NewReplyBody(SamplingBody):
    """What every request for a new reply may say."""

    on_busy: OnBusyField | None = None

    def as_sent(self) -> dict[str, object]:
        """Returns the body as its sender wrote it, to which an idempotency key is bound."""
        sent = asdict(self)
        if self.on_busy is None:
            # Keys that a version without this field recorded are bound to bodies without it.
            del sent["on_busy"]
        return sent


@frozen(kw_only=True)
class RegenerationBody(NewReplyBody):
    """The sampling parameters of another reply."""


@frozen(kw_only=True)
class ContinuationBody(SamplingBody):
    """The sampling parameters of the rest of a reply."""


@frozen(kw_only=True)
class NewMessageBody(NewReplyBody):
    """A message to send, with the sampling parameters of the reply."""

    content: Content


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


@frozen(kw_only=True)
class MessageEndpoints(SecuredEndpoints):
    """Begins replies, and streams each reply or returns the path of its stream."""

    turns: Turns
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

    def entrance(self, is_known: bool) -> AbstractContextManager[None]:  # noqa: FBT001 - as the base class has it
        """Refuses a turn if too many turns wait to begin, before any work is done for it."""
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
        """Sends a message and streams the reply."""
        id_ = conversation_id(request.path_params)
        key = idempotency_key(request)
        sent = await self.bodies.read(request)
        body, passed = decode_body(sent, NewMessageBody, self.limits), passed_fields(sent, self.passed_fields)
        begin = partial(
            self.turns.send,
            caller.user,
            id_,
            body.content,
            sampling=body.sampling(self.default_sampling, passed),
            idempotency_key=key,
            as_sent=_as_sent(body, passed),
            on_busy=body.on_busy or self.default_on_busy,
            trace_id=caller.trace_id,
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
        """Generates another reply to the last message and streams it."""
        id_ = conversation_id(request.path_params)
        key = idempotency_key(request)
        sent = await self.bodies.read(request)
        body, passed = decode_body(sent, RegenerationBody, self.limits), passed_fields(sent, self.passed_fields)
        begin = partial(
            self.turns.regenerate,
            caller.user,
            id_,
            sampling=body.sampling(self.default_sampling, passed),
            idempotency_key=key,
            as_sent=_as_sent(body, passed),
            on_busy=body.on_busy or self.default_on_busy,
            trace_id=caller.trace_id,
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
        key = idempotency_key(request)
        sent = await self.bodies.read(request)
        body, passed = decode_body(sent, ContinuationBody, self.limits), passed_fields(sent, self.passed_fields)
        begin = partial(
            self.turns.continue_reply,
            caller.user,
            *ids,
            sampling=body.sampling(self.default_sampling, passed),
            idempotency_key=key,
            as_sent=_as_sent(body, passed),
            trace_id=caller.trace_id,
        )
        return await self._respond(request, caller, begin)

    async def _respond(self, request: Request, caller: Caller, begin: _Begin) -> ASGIApp:
        if prefers_async(request):
            turn = await self._begin(begin)
            headers = {"Location": _stream_of(turn), "Preference-Applied": "respond-async"}
            return json_response(_turn_json(turn), status=202, headers=headers)
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
