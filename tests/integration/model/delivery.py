"""How the stand-in for the inference service delivers a reply, so that the model knows what becomes of it."""

from enum import Enum, auto

from attrs import frozen

from tests.integration.faults.model import Speech, words
from tests.integration.inference_server import reset

#: Tokens in a reply that is delivered whole.
LENGTH = 6


class Course(Enum):
    """What happens to a reply."""

    #: All of it comes.
    WHOLE = auto()
    #: The inference service breaks off: the connection is reset.
    BREAKS_OFF = auto()
    #: It says no more until it is told to; then the rest comes.
    PAUSES = auto()


@frozen
class Delivery:
    """One reply's."""

    course: Course
    #: How many tokens come before it breaks off, or pauses.
    tokens: int

    def speech(self, prompt: str) -> Speech:
        """Returns the script of the stand-in."""
        whole = Speech(tokens=words(prompt, LENGTH))
        match self.course:
            case Course.WHOLE:
                return whole
            case Course.BREAKS_OFF:
                return Speech(tokens=whole.tokens, frames=whole.frames[: self.tokens], closing=(), then=reset)
            case Course.PAUSES:
                # The call may be a later one for the same prompt.
                return Speech(tokens=whole.tokens, holds_after=self.tokens, holds_again_after=self.tokens)

    def whole_text(self, prompt: str) -> str:
        """Returns all that there is to say."""
        return "".join(words(prompt, LENGTH))

    def text_until_trouble(self, prompt: str) -> str:
        """Returns the text before the reply breaks off or pauses."""
        return "".join(words(prompt, LENGTH)[: self.tokens])
