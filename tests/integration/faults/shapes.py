"""What replies are made of, for tests of what holds for every kind of reply."""

from collections.abc import Callable

from tests.integration.faults.model import Model, Speech, words
from tests.integration.faults.reply_log import Data, Thought

#: Tokens in a reply of any shape.
TOKENS = 100
# The first and the last of twenty tokens are not text: a pause after twenty is in the middle of the others.
_EACH, _OTHERS = 20, 5


def _text(model: Model, prompt: str, first_pause: int, second_pause: int | None) -> Speech:
    return model.will_say(prompt, TOKENS, hold=first_pause, hold_again=second_pause)


def _mixed(make: Callable[[str], str]) -> Callable[[Model, str, int, int | None], Speech]:
    def arrange(model: Model, prompt: str, first_pause: int, second_pause: int | None) -> Speech:
        tokens = tuple(
            word if _OTHERS <= number % _EACH < _EACH - _OTHERS else make(word)
            for number, word in enumerate(words(prompt, TOKENS))
        )
        return model.arrange(prompt, Speech(tokens=tokens, holds_after=first_pause, holds_again_after=second_pause))

    return arrange


def _call(word: str) -> Data:
    return Data(f'{{"call":{{"length":{len(word)},"name":"{word.strip()[:6]}"}}}}')


#: Each arranges a reply to a prompt, whose first two calls pause after so many tokens of the reply.
SHAPES: dict[str, Callable[[Model, str, int, int | None], Speech]] = {
    "text": _text,
    "reasoning": _mixed(Thought),
    "data": _mixed(_call),
}
