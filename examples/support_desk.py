"""Uses the library in another service: a support desk whose answers come from a table instead of a model.

The example implements the inference port with its own adapter, uses the storage of `chatcore_memory` (a production
service would use `chatcore_postgres`), and does not use HTTP. The command ``python examples/support_desk.py`` runs the
example.
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
    """Answers with the first entry whose keyword occurs in the question, word by word."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Writes a frame for each word of the answer, and a frame that ends the reply."""
        question = request.messages[-1].content.lower()
        answer = next((text for word, text in self._answers.items() if word in question), "A person will write to you.")
        for word in answer.split():
            on_frame(Frame(f"data: {json.dumps({'token': word + ' '})}\n\n".encode(), word + " "))
            await asyncio.sleep(0)  # The pause lets other tasks run.
        on_frame(Frame(b'data: {"done":true}\n\n', is_closing=True))

    async def ping(self) -> None:
        """Succeeds, because the table is always available."""


async def ask(chat: Chat, user: User, question: str) -> str:
    """Asks a question in a new conversation, and reads the answer while the answer is generated."""
    conversation = await chat.conversations.create(user)
    turn = await chat.turns.send(user, conversation.id, question, sampling=Sampling())
    reader = await chat.turns.follow(user, conversation.id, turn.reply.id)
    assert reader  # noqa: S101 - only a reader that names an offset can have the whole reply already
    answer = ""
    while True:
        if chunk := reader.take():
            answer += chunk.text
        elif end := reader.end:
            return answer.strip() if end.error is None else f"{answer}({end.error.sentence})"
        else:
            await reader.wait()


async def main() -> None:
    """Asks two questions."""
    clock = SystemClock()
    user = User(id="ada")
    async with Chat(storage=InMemoryStorage(clock), inference=AnswerTable(ANSWERS), clock=clock) as chat:
        for question in ("Where is my refund?", "Is anybody there?"):
            print(question, "→", await ask(chat, user, question))


if __name__ == "__main__":
    asyncio.run(main())
