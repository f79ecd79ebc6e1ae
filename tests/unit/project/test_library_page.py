"""Tests that docs/library.md names every public call of the library, with all of its arguments."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatcore
from chatcore import (
    Chat,
    Cursor,
    HistoryLimits,
    Limits,
    OpenConversation,
    PageRequest,
    PathCursor,
    PathRequest,
    Reader,
    Sampling,
    User,
    Watermark,
)
from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.trees import Trees
from chatcore.conversations.use_cases import Conversations
from chatcore.replies.turns import Turns

_PAGE = (Path(__file__).parents[3] / "docs" / "library.md").read_text()
# Code spans may be broken over two lines.
_SPANS = [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", _PAGE)]

#: The classes whose public methods a user of the library calls.
_CALLED = (Chat, Conversations, Trees, OpenConversation, Turns, Reader, User, Cursor, PathCursor, Watermark)
#: The classes that a user of the library makes.
_MADE = (Chat, Limits, HistoryLimits, User, PageRequest, PathRequest, ConversationChanges, HeadChoice, Sampling)


def _calls() -> Iterator[tuple[str, list[str]]]:
    for cls in _CALLED:
        for name, member in vars(cls).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, classmethod)):
                yield f"{cls.__name__}.{name}", _arguments(getattr(cls, name))
    for made in _MADE:
        yield made.__name__, _arguments(made)


def _arguments(function: object) -> list[str]:
    assert callable(function)
    return [name for name in inspect.signature(function).parameters if name != "self"]


_CALLS = dict(_calls())


@pytest.mark.parametrize("name", chatcore.__all__)
def test_every_public_name_is_on_the_page(name: str) -> None:
    assert re.search(rf"\b{name}\b", " ".join(_SPANS))


@pytest.mark.parametrize("call", _CALLS)
def test_every_public_call_is_on_the_page_with_all_of_its_arguments(call: str) -> None:
    found = [span for span in _SPANS if span.startswith(f"{call}(")]

    assert found, f"{call} is not on the page"
    arguments = re.findall(r"\w+", found[0].partition("(")[2])
    assert arguments == _CALLS[call]


@pytest.mark.parametrize(
    "call", sorted(call for call in _CALLS if call.startswith(("Conversations.", "Trees.", "Turns.")))
)
def test_every_error_that_a_docstring_names_is_in_the_part_about_the_call(call: str) -> None:
    owner, _, name = call.partition(".")
    function = getattr({"Conversations": Conversations, "Trees": Trees, "Turns": Turns}[owner], name)
    raised = set(re.findall(r"^\s+(\w+Error):", function.__doc__ or "", re.MULTILINE))
    mark = re.search(rf"^(- |### )`{re.escape(call)}\(", _PAGE, re.MULTILINE)
    assert mark
    # The part about a call is a section of its own, or an item of a list.
    end = r"\n###? " if mark[1] == "### " else r"\n(###? |- |\n)"
    part = re.split(end, _PAGE[mark.end() :], maxsplit=1)[0]

    assert {error for error in raised if error not in part} == set()


def test_every_error_on_the_page_exists() -> None:
    assert {name for name in re.findall(r"\b\w+Error\b", _PAGE) if not hasattr(chatcore.errors, name)} == set()
