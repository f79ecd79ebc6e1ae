"""Another service that uses the library: a support desk whose answers come from a table, not from a model.

It brings an adapter of its own for the inference port, takes the storage from `chatcore_memory` (in production it
would be `chatcore_postgres`), and knows nothing of HTTP. Run it: ``python examples/support_desk.py``.
"""

import asyncio
import json
from collections.abc import Callable, Mapping

from chatcore import Chat, Sampling, User
from chatcore.ports import Frame, Inference, InferenceRequest
from chatcore.system_clock import SystemClock
from chatcore_memory import InMemoryStorage

ANSWERS = {"refund": "Refunds take three days.", "password": "Use the link on the sign-in page."}


class AnswerTable(Inference):
    """Answers with the first entry whose keyword the question has, word by word."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Writes a frame for each word of the answer, and one that ends the reply."""
        question = request.messages[-1].content.lower()
        answer = next((text for word, text in self._answers.items() if word in question), "A person will write to you.")
        for word in answer.split():
            on_frame(Frame(f"data: {json.dumps({'token': word + ' '})}\n\n".encode(), word + " "))
            await asyncio.sleep(0)  # Others get their turn.
        on_frame(Frame(b'data: {"done":true}\n\n', is_closing=True))

    async def ping(self) -> None:
        """Returns at once, because a table is always there."""


async def ask(chat: Chat, user: User, question: str) -> str:
    """Asks in a conversation of its own and reads the answer as it is made."""
    conversation = await chat.conversations.create(user)
    turn = await chat.turns.send(user, conversation.id, question, sampling=Sampling())
    reader = await chat.turns.follow(user, conversation.id, turn.reply.id)
    assert reader  # noqa: S101 - only a reader that names an offset can have everything already
    answer = ""
    while True:
        if news := reader.take():
            answer += news.text
        elif reader.end is not None:
            break
        else:
            await reader.wait()
    return answer.strip()


async def main() -> None:
    """Asks two questions."""
    clock = SystemClock()
    user = User(id="ada")
    async with Chat(storage=InMemoryStorage(clock), inference=AnswerTable(ANSWERS), clock=clock) as chat:
        for question in ("Where is my refund?", "Is anybody there?"):
            print(question, "→", await ask(chat, user, question))


if __name__ == "__main__":
    asyncio.run(main())
