"""Asks the model what to call a conversation, after its first reply.

A naming is best effort: the title that the first message gave stays until the model's title is stored, and for good if
the naming is skipped, fails, takes too long or is cut off by a drain or a crash. It is no reply: it has no lease,
counts for no limit of the user and is in no metric of replies.
"""

import asyncio
from collections.abc import Callable

from attrs import define, evolve, field

from chatcore.conversations.conversation import TitleSource
from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Message, Role
from chatcore.conversations.titles import auto_title, title_from_answer
from chatcore.errors import ConversationNotFoundError, InferenceTimeoutError
from chatcore.input_limits import InputLimits
from chatcore.ports import Clock, ConversationStore, Frame, Inference, InferenceRequest, Observer
from chatcore.replies.background import Background
from chatcore.replies.sampling import Sampling
from chatcore.text import TextRepair, has_visible_text
from chatcore.timed_wait import wait_at_most

#: Most namings of this process at once; a conversation beyond them keeps the title that its first message gave.
MAX_NAMINGS = 4
#: How long the model may take for a title.
ANSWER_SECONDS = 60.0
#: How much the model is shown of the question and of the reply, each, and how much of its answer is taken.
MAX_SHOWN_CHARS = 1000
MAX_ANSWER_CHARS = 400

# A title takes about twenty tokens, but the tokens of a model that reasons first count as well. A model that does not
# reason costs no more for this: the call ends with the first whole line that is a title, or after MAX_ANSWER_CHARS.
_SAMPLING = Sampling(temperature=0.2, max_tokens=1024)
_ASSIGNMENT = (
    "Write a title for this conversation, of at most eight words and in the language of the conversation. "
    "Answer with the title and nothing else."
)
_WHAT = "naming a conversation"


@define(kw_only=True, eq=False)
class ModelTitles:
    """Replaces the titles of conversations by titles of the model, in the background."""

    background: Background
    storage: ConversationStore
    inference: Inference
    clock: Clock
    observer: Observer
    limits: InputLimits
    _running: int = field(default=0, init=False)
    _is_failing: bool = field(default=False, init=False)

    def naming(self, question: Message, request: InferenceRequest) -> Callable[[str], None] | None:
        """Returns what to call with the text of the complete reply; None for a reply that names no conversation.

        Args:
            question: the message that is replied to. The first message of a conversation has no parent.
            request: the request for the reply. The model is asked for the title in the same way.
        """
        if question.parent_id is not None:
            return None
        # The messages of the request are not kept while the reply is generated.
        asked = evolve(request, messages=(), instructions=None, sampling=_SAMPLING.lowered_to(self.limits), so_far="")
        return lambda reply: self._begin(question, reply, asked)

    def _begin(self, question: Message, reply: str, asked: InferenceRequest) -> None:
        if has_visible_text(reply):
            shown = _shown(question.content, reply)
            self.background.spawn(_WHAT, lambda: self._name(question, evolve(asked, messages=shown)))

    async def _name(self, question: Message, request: InferenceRequest) -> None:
        if self._running >= MAX_NAMINGS:
            return
        self._running += 1
        try:
            await self._replace_title(question, request)
        except ConversationNotFoundError:
            pass  # It was deleted meanwhile.
        except Exception as error:  # noqa: BLE001 - the title of the first message stays
            self._report(error)
        finally:
            self._running -= 1

    async def _replace_title(self, question: Message, request: InferenceRequest) -> None:
        title = auto_title(question.content)
        conversation = await self.storage.get_conversation(question.user_id, question.conversation_id)
        if title is None or (conversation.title, conversation.title_source) != (title, TitleSource.AUTO):
            return
        new_title = title_from_answer(await self._ask(request))
        if new_title is not None:
            # The statement looks again whether the title is still the same.
            await self.storage.replace_auto_title(conversation.user_id, conversation.id, old=title, new=new_title)
        self._is_failing = False

    async def _ask(self, request: InferenceRequest) -> str:
        answer = _Answer()
        # The call has a task of its own, which the answer ends as soon as it has a title.
        call = asyncio.create_task(self._listen(request, answer), name=_WHAT)
        answer.on_enough = call.cancel
        try:
            late = await wait_at_most([call], seconds=ANSWER_SECONDS, clock=self.clock)
        finally:
            call.cancel()
        if late:
            raise InferenceTimeoutError
        if not call.cancelled() and (error := call.result()) is not None:
            raise error
        return answer.text

    async def _listen(self, request: InferenceRequest, answer: "_Answer") -> Exception | None:
        """Collects the answer; returns the error of the call, because nobody awaits a task that was cancelled."""
        try:
            await self.inference.generate(request, answer.append)
        except Exception as error:  # noqa: BLE001 - the caller raises it
            return error
        return None

    def _report(self, error: Exception) -> None:
        """Reports a failure, unless the naming before failed as well: a model that refuses all would flood the log."""
        if not self._is_failing:
            self._is_failing = True
            self.observer.failed(_WHAT, error)


class _Answer:
    """Collects the text of the model's answer until it has a title."""

    def __init__(self) -> None:
        self.text = ""
        self.on_enough: Callable[[], object] = lambda: None
        self._repair = TextRepair()

    def append(self, frame: Frame) -> None:
        """Adds the text of a frame; everything else, such as reasoning, is ignored."""
        if frame.token is None:
            return
        self.text = (self.text + self._repair.feed(frame.token))[:MAX_ANSWER_CHARS]
        whole_lines, line_break, _ = self.text.rpartition("\n")
        is_title_whole = "\n" in frame.token and title_from_answer(whole_lines + line_break) is not None
        if is_title_whole or len(self.text) == MAX_ANSWER_CHARS:
            self.on_enough()


def _shown(question: str, reply: str) -> tuple[HistoryMessage, ...]:
    return (
        HistoryMessage(Role.USER, question[:MAX_SHOWN_CHARS]),
        HistoryMessage(Role.ASSISTANT, reply[:MAX_SHOWN_CHARS]),
        HistoryMessage(Role.USER, _ASSIGNMENT),
    )
