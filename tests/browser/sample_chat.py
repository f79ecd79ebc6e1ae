"""A conversation that shows what the page can: Markdown, code, a table, reasoning and a tool, beside older ones."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from uuid import UUID

from playwright.async_api import expect

from chatcore import Conversation, ConversationId
from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import LiveService

#: The titles of the older conversations: how many days ago they were, and whether they are pinned.
_OLDER = (
    ("Reading list for the book club", 3, True),
    ("How our deployment works", 12, True),
    ("A birthday poem for Noor", 0, False),
    ("Regular expressions for dates", 0, False),
    ("Why bread needs salt", 1, False),
    ("Explain eventual consistency", 1, False),
    ("מתכון לחלה", 3, False),
    ("Packing for a week in Lisbon", 4, False),
    ("Names for a small sailing boat", 5, False),
    ("Refactoring a long function", 9, False),
    ("Interview questions for a nurse", 14, False),
    ("Compare three standing desks", 20, False),
)

QUESTION = "Which of my three cities gets the most sun in November? Show me how to compute it, too."

_THOUGHT = (
    "The user has three cities on file: Lisbon, Athens and Valencia. I should look up the hours of sunshine, then "
    "compare them, and show a short program."
)
_TOOL = {"tool_calls": [{"function": {"name": "sunshine_hours", "arguments": '{"month":"november"}'}}]}
_ANSWER = """**Athens**, if only just. These are the average hours of sunshine in November:

| City | Hours | Rainy days |
|---|---:|---:|
| Athens | 174 | 8 |
| Valencia | 169 | 5 |
| Lisbon | 154 | 11 |

Valencia has fewer rainy days, so it may be better for a walk. With the table as a dictionary, `max` finds the city:

```python
def sunniest(hours: dict[str, int]) -> str:
    \"\"\"Returns the city with the most hours of sunshine.\"\"\"
    return max(hours, key=hours.get)

print(sunniest({"Athens": 174, "Valencia": 169, "Lisbon": 154}))
```

The numbers are averages of thirty years, and a single November can differ by a third.
"""


async def store_older(service: LiveService) -> None:
    """Stores conversations without messages, the latest one today."""
    now = service.container.clock().now()
    for number, (title, days, is_pinned) in enumerate(_OLDER):
        at = now - timedelta(days=days, seconds=number)
        conversation = Conversation(
            ConversationId(UUID(int=number + 1)), "alice", at, at, title=title, is_pinned=is_pinned
        )
        assert await service.storage.create_conversation(conversation)


async def hold(console: ConsolePage, *, seconds: float = 0.0) -> None:
    """Asks the question and has it answered.

    Args:
        console: the page.
        seconds: how long the model thinks before it answers, for a picture.
    """
    answer = [token_frame(word) for word in re.findall(r"\s*\S+", _ANSWER)]
    console.service.inference.play(_frame({"reasoning": _THOUGHT}), PAUSE, _frame(_TOOL), *answer, DONE_FRAME)
    await console.send(QUESTION)
    await expect(console.replies.get_by_text("Thinking …")).to_be_visible()
    await asyncio.sleep(seconds)
    console.service.inference.release()
    await expect(console.log).to_have_attribute("aria-busy", "false")
    await expect(console.texts.locator(".hljs-keyword").first).to_be_visible()


def _frame(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
