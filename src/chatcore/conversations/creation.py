"""Defines the outcome of a creation that may be repeated."""

from attrs import frozen

from chatcore.conversations.conversation import Conversation


@frozen
class Creation:
    """Holds the conversation that has the requested id, and says whether this request created it."""

    conversation: Conversation
    #: False if the conversation was there before, as after an earlier request whose answer was lost.
    is_new: bool
