"""Every reason for an incomplete reply can be told in a sentence."""

from chatcore import ReplyError


def test_every_reason_has_a_sentence_of_its_own() -> None:
    sentences = {error.sentence for error in ReplyError}

    assert len(sentences) == len(ReplyError)
    assert all(sentence.endswith(".") for sentence in sentences)
