"""Provides the steps that store and read lists of conversations, for the tests of the storage contract."""

from collections.abc import Iterable

from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import PageRequest
from chatcore.ports import Storage
from chatcore.testing.samples import ALICE

# More than the list of any test has, even with one conversation on each page.
_MOST_PAGES = 20


async def store(storage: Storage, *conversations: Conversation) -> None:
    """Stores new conversations."""
    for conversation in conversations:
        await storage.create_conversation(conversation)


def newest_first(conversations: Iterable[Conversation]) -> list[Conversation]:
    """Returns the conversations in the order of a list."""
    return sorted(conversations, key=lambda c: (c.updated_at, c.id), reverse=True)


async def read_list(storage: Storage, request: PageRequest) -> list[Conversation]:
    """Reads the rest of Alice's list page by page and returns it."""
    seen: list[Conversation] = []
    for _ in range(_MOST_PAGES):
        page = await storage.list_conversations(ALICE, request)
        seen += page.conversations
        if page.next_cursor is None:
            return seen
        request = evolve(request, cursor=page.next_cursor)
    raise AssertionError("The list comes to no end.")
