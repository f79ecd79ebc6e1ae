"""A model whose every reply can be told from any other's, for the scriptable inference server.

What it says follows from what it is asked, so a reply that shows a word of another conversation is noticed. How fast
it speaks, and where it holds its breath, is up to the test.
"""

import asyncio
import time
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise

from attrs import Factory, define, evolve, field, frozen

from chatcore.conversations.parts import PartKind
from tests.integration.faults.reply_log import Data, Log, Thought, event_of, kind_of
from tests.integration.faults.waiting import eventually
from tests.integration.inference_server import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    Call,
    Script,
    chunk,
    keep_alive,
    token,
)

# Characters of one to four bytes of UTF-8, one and two units of UTF-16, combining ones, and those that end a line
# for some but not for SSE.
_ALPHABET = ("a", "é", "e\u0301", "—", "漢", "🙂", "👩\u200d🚀", "\u2028", "\r", "\n\ndata: ")

#: In every prompt and every reply: it must never be found in a log.
CANARY = "canary"


def words(prompt: str, count: int) -> tuple[str, ...]:
    """Returns the tokens of the reply to `prompt`."""
    mark = sha256(prompt.encode()).hexdigest()[:8]
    return tuple(f"{CANARY}{mark}{_ALPHABET[n % len(_ALPHABET)]}{n} " for n in range(count))


def _frames(speech: "Speech") -> tuple[bytes, ...]:
    return tuple(event_of(each) if isinstance(each, (Thought, Data)) else token(each) for each in speech.tokens)


@frozen(kw_only=True)
class Speech:
    """How a reply is spoken."""

    #: What the reply is to be, in the end: tokens of text, and whatever is marked as something else.
    tokens: tuple[str, ...]
    #: What goes over the wire: a frame for each token unless something else is arranged.
    frames: tuple[bytes, ...] = field(default=Factory(_frames, takes_self=True))
    seconds_between: float = 0.0
    #: After how many frames the first call waits until it is released; None for nowhere.
    holds_after: int | None = None
    #: After how many tokens of the whole reply the next call waits, whether or not that one goes on from some text.
    holds_again_after: int | None = None
    #: Tokens that only the first call says, after its pause. It says nothing more then, until its caller leaves.
    slips: tuple[str, ...] = ()
    head: bytes = STREAM_HEAD
    #: How the frames are wrapped.
    wrap: Callable[[bytes], bytes] = chunk
    #: The packets after the last frame, and what becomes of the connection then.
    closing: tuple[bytes, ...] = (chunk(DONE), LAST_CHUNK)
    then: Script = keep_alive

    @property
    def text(self) -> str:
        """Returns the whole text."""
        return Log.of(self.tokens).text

    @property
    def token_count(self) -> int | None:
        """Returns how many tokens the whole reply has; None where something else than a frame for each is arranged."""
        return self.texts(len(self.tokens)) if self.frames == _frames(self) else None

    def texts(self, count: int) -> int:
        """Returns how many of the first tokens are text."""
        return sum(kind_of(each) is PartKind.TEXT for each in self.tokens[:count])

    def said_before(self, so_far: str) -> int:
        """Returns how many tokens come before what is left to say to a call that is given a text: its last is text."""
        lengths = range(len(self.tokens) + 1)
        count = next((n for n in lengths if Log.of(self.tokens[:n]).text == so_far), None) if so_far else 0
        assert count is not None, f"the model never said {so_far!r}"
        return count

    def after(self, so_far: str) -> "Speech":
        """Returns what is left to say after some whole tokens, to a call that goes on from them."""
        if not so_far:
            return self
        said = self.said_before(so_far)
        pause = None if self.holds_again_after is None else self.holds_again_after - said
        left = evolve(self.again(), tokens=self.tokens[said:], frames=self.frames[said:])
        return evolve(left, holds_after=pause)

    def again(self) -> "Speech":
        """Returns what is said to a call after the first one, from the start."""
        return evolve(self, holds_after=self.holds_again_after, holds_again_after=None, slips=())

    @property
    def raw(self) -> bytes:
        """Returns all frames, with the closing frame."""
        return b"".join(self.frames) + DONE


@define(eq=False)
class Saying:
    """One call that the model answers or has answered."""

    prompt: str
    speech: Speech
    #: Whether the model was given the beginning of its own answer.
    is_continued: bool = False
    #: When each token was handed to the network, in monotonic seconds.
    said_at: list[float] = Factory(list)
    ended_at: float | None = None
    is_complete: bool = False
    _released: asyncio.Event = Factory(asyncio.Event)

    def release(self) -> None:
        """Lets it speak on."""
        self._released.set()

    @property
    def is_holding(self) -> bool:
        """Returns whether the call has reached its pause."""
        return len(self.said_at) == self.speech.holds_after and not self._released.is_set() and self.ended_at is None

    async def over(self, within: float) -> None:
        """Returns when it has ended, whoever ended it."""
        await eventually(lambda: self.ended_at is not None, within=within, what="the end of a call of the model")

    def text_until(self, moment: float) -> str:
        """Returns the text that was sent up to a moment."""
        count = sum(at <= moment for at in self.said_at)
        return Log.of(self.speech.tokens[:count]).text

    @property
    def longest_silence(self) -> float:
        """Seconds between two tokens."""
        return max((later - earlier for earlier, later in pairwise(self.said_at)), default=0.0)

    async def speak(self, call: Call) -> None:
        """Sends it all."""
        speech = self.speech
        await call.send(speech.head)
        for number, frame in enumerate(speech.frames):
            if number == speech.holds_after:
                await self._released.wait()
                if speech.slips:
                    await call.send(*(speech.wrap(token(slip)) for slip in speech.slips))
                    await asyncio.Event().wait()
            if speech.seconds_between:
                await asyncio.sleep(speech.seconds_between)
            self.said_at.append(time.monotonic())
            await call.send(speech.wrap(frame))
        if speech.holds_after == len(speech.frames):
            await self._released.wait()
        await call.send(*speech.closing)
        self.is_complete = True
        await speech.then(call)


@define(eq=False)
class Model:
    """A script for ``/generate``: says what was arranged for a prompt, and something short to all others."""

    sayings: list[Saying] = Factory(list)
    #: How a reply ends for which nothing was arranged.
    closing: tuple[bytes, ...] = (chunk(DONE), LAST_CHUNK)
    _speeches: dict[str, Speech] = Factory(dict)
    #: How many calls there were with a prompt when its speech was arranged.
    _calls_before: dict[str, int] = Factory(dict)

    def will_say(
        self,
        prompt: str,
        count: int,
        *,
        every: float = 0.0,
        hold: int | None = None,
        hold_again: int | None = None,
        padding: str = "",
    ) -> Speech:
        """Arranges what is said to `prompt`: `count` tokens, one `every` so many seconds, a pause after `hold`.

        The call that goes on from there pauses after `hold_again` tokens of the whole.
        """
        tokens = tuple(word + padding for word in words(prompt, count))
        speech = Speech(tokens=tokens, seconds_between=every, holds_after=hold, holds_again_after=hold_again)
        return self.arrange(prompt, speech)

    def arrange(self, prompt: str, speech: Speech) -> Speech:
        """Arranges what is said to `prompt`; the next call with it is the first one of this speech."""
        self._speeches[prompt] = speech
        self._calls_before[prompt] = len(self.calls(prompt))
        return speech

    def speech(self, prompt: str) -> Speech:
        """Returns the reply to `prompt`."""
        return self._speeches.get(prompt) or Speech(tokens=words(prompt, 5), closing=self.closing)

    def calls(self, prompt: str) -> list[Saying]:
        """Returns all calls with this prompt."""
        return [saying for saying in self.sayings if saying.prompt == prompt]

    async def asked(self, prompt: str, number: int = 0) -> Saying:
        """Waits for the first call with this prompt, or a later one, and returns it."""
        await eventually(lambda: self.calls(prompt)[number:], within=10, what="a call of the inference service")
        return self.calls(prompt)[number]

    async def holding(self, prompt: str, number: int = 0) -> Saying:
        """Waits until the first call with this prompt, or a later one, has reached its pause, and returns it."""
        saying = await self.asked(prompt, number)
        await eventually(lambda: saying.is_holding, within=15, what="the model holding its breath")
        return saying

    def release_all(self) -> None:
        """Lets every call speak on."""
        for saying in self.sayings:
            saying.release()

    async def __call__(self, call: Call) -> None:
        """Answers as the inference service."""
        body = call.request.json()
        assert isinstance(body, dict)
        # A message whose own reply has no text stands before the prompt, with a blank line between the two.
        *_, last = messages = body["messages"]
        so_far = last["content"] if last["role"] == "assistant" else ""
        asked = messages[-2] if so_far else last
        prompt: str = asked["content"].rsplit("\n\n", 1)[-1]
        speech, earlier = self.speech(prompt), self.calls(prompt)[self._calls_before.get(prompt, 0) :]
        if any(call.is_continued for call in earlier):
            speech = evolve(speech, holds_again_after=None)
        elif earlier and not so_far:
            speech = speech.again()
        saying = Saying(prompt, speech.after(so_far), is_continued=bool(so_far))
        self.sayings.append(saying)
        try:
            await saying.speak(call)
        finally:
            saying.ended_at = time.monotonic()
