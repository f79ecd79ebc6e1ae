"""Reads files for tests."""

from __future__ import annotations

from contextlib import closing
from itertools import chain

from attrs import evolve

from chatcore.transfers.transferred import TransferredConversation
from chatcore_service.transfers.detecting_reader import DetectingReader
from chatcore_service.transfers.reading import Problem


def read(
    file: bytes, *, size: int = 997, user_id: str = "alice"
) -> tuple[list[TransferredConversation], list[Problem]]:
    """Returns the conversations and the problems of a file, which is read in chunks of a size."""
    conversations: list[TransferredConversation] = []
    problems: list[Problem] = []
    with closing(DetectingReader(user_id, 500)) as reader:
        parts = (file[start : start + size] for start in range(0, len(file), size))
        for result in chain(chain.from_iterable(map(reader.feed, parts)), reader.end()):
            if isinstance(result, Problem):
                problems.append(result)
            else:
                # The reader forgets the messages when it goes on.
                messages = tuple(result.conversation.messages)
                conversations.append(evolve(result.conversation, messages=messages))
    return conversations, problems
