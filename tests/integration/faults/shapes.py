"""What replies are made of, for tests of what holds for every kind of reply."""

from collections.abc import Callable

from tests.integration.faults.model import Model, Speech

#: Tokens in a reply of any shape.
TOKENS = 100


def _text(model: Model, prompt: str, first_pause: int, second_pause: int | None) -> Speech:
    return model.will_say(prompt, TOKENS, hold=first_pause, hold_again=second_pause)


#: Each arranges a reply to a prompt, whose first two calls pause after so many tokens of the reply.
SHAPES: dict[str, Callable[[Model, str, int, int | None], Speech]] = {"text": _text}
