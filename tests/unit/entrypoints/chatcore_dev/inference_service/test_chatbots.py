"""Tests that every chatbot replies to any text, and how replies are split into tokens."""

import pytest

from chatcore_dev.inference_service.chatbots import MODEL_TAGS, Chatbot, split_into_tokens

AWKWARD = {
    "nothing": "",
    "blank": " \n ",
    "percent": "I need 50% off",
    "placeholders": "I need %1 %2 %",
    "a dotless i": "I need what \u0131 need",
    "a dotted capital": "I need what \u0130 need",
    "several lines": "I need\n\nthis\u2028and that",
    "a long word": "x" * 8000,
    "many words": "I need " + "you " * 1998,
    "emoji": "👩‍🚀" * 2000,
    "U+0000": "I need \x00",
    "a lone surrogate": "I need \ud800",
}


@pytest.mark.parametrize("tag", MODEL_TAGS)
def test_a_chatbot_replies_to_any_text(tag: str) -> None:
    chatbot = Chatbot(tag)
    replies = {name: [chatbot.reply(statement) for _ in range(5)] for name, statement in AWKWARD.items()}

    assert [name for name, texts in replies.items() if not all(texts)] == []


def test_a_percent_sign_is_repeated_unchanged() -> None:
    replies = {Chatbot("eliza").reply("I need 50% off") for _ in range(100)}

    assert any("50% off" in reply for reply in replies)


@pytest.mark.parametrize("text", ["", "one", "one two", "  two  spaces ", "a\nb"])
def test_joined_tokens_are_the_text(text: str) -> None:
    assert "".join(split_into_tokens(text)) == text
