"""The arguments of the machine's rules, and how hypothesis makes them up."""

from enum import Enum, auto

import hypothesis.strategies as st
from attrs import frozen

from tests.integration.model.delivery import LENGTH, Course, Delivery


@frozen
class Place:
    """A conversation, and whose it is."""

    owner: int
    id: str


@frozen
class Reply:
    """A reply, and where it is."""

    place: Place
    id: str


@frozen
class Sent:
    """What was sent with a key."""

    place: Place
    content: str
    key: str


@frozen
class Way:
    """How something is asked for."""

    replica: int
    #: Whether a reply is read from the response that begins it.
    waits: bool


class Deed(Enum):
    """What may be tried in vain."""

    RENAME = auto()
    CHOOSE = auto()
    DELETE_MESSAGE = auto()
    DELETE = auto()
    SEND = auto()
    REGENERATE = auto()
    STOP = auto()
    RESUME = auto()


class Change(Enum):
    """What changes the lists and no message."""

    CREATE_AGAIN = auto()
    ARCHIVE = auto()
    RESTORE = auto()
    FORK = auto()


class Branching(Enum):
    """What begins a reply anywhere in a tree."""

    EDIT = auto()
    #: After a reply, which may be one of another conversation.
    AFTER_ANY = auto()
    VERSION = auto()


class TreeChange(Enum):
    """What changes which messages are there, or are shown."""

    CHOOSE = auto()
    FOLLOW = auto()
    #: A reply that may be one of another conversation.
    CHOOSE_ANY = auto()
    DELETE = auto()


#: Which message of a conversation, counted from its first one and on from there again.
numbers = st.integers(0, 30)
ways = st.builds(Way, st.integers(0, 1), st.booleans())
titles = st.sampled_from(("A", "Zoë's plans", "  two  spaces ", "🙂"))
WHOLE = Delivery(Course.WHOLE, LENGTH)
deliveries = st.one_of(
    st.just(WHOLE),
    st.just(Delivery(Course.BREAKS_OFF, 0)),
    st.builds(Delivery, st.just(Course.BREAKS_OFF), st.integers(1, LENGTH)),
)
pauses = st.builds(Delivery, st.just(Course.PAUSES), st.integers(0, LENGTH))
#: The end of a copied path: the head, or a message by its place.
ends = st.none() | st.integers(0, 5)
#: From the start, without having asked for a place; in the middle; beyond the end.
offsets = st.none() | st.integers(0, 160)
