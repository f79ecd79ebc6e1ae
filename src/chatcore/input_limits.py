"""Bounds the texts and numbers that a user sends, so that each deployment can have bounds of its own."""

from attrs import frozen

from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.text import require_text

# No limit may be above these. An inference service takes 8000 characters a message, and its parameters in these ranges;
# a page of the list holds each title twice.
MAX_CONTENT_CHARS = 8000
MAX_TITLE_CHARS = 2000
MAX_MODEL_TAG_CHARS = 1000
MAX_TEMPERATURE = 2
MAX_TOKENS = 4096
#: A title that the service makes of a message has at most so many characters.
MIN_TITLE_CHARS = 80
#: The default model tag has to fit.
MIN_MODEL_TAG_CHARS = 7


@frozen(kw_only=True)
class InputLimits:
    """Bounds what a user sends. Lengths are in Unicode code points.

    Raises:
        InvalidInputError: a limit is out of its range; the error names each such limit.
    """

    #: Most characters of a message, and of the instructions of a conversation, 1 to 8000.
    max_content_chars: int = MAX_CONTENT_CHARS
    #: Most characters of a title, 80 to 2000.
    max_title_chars: int = 500
    #: Most characters of a model tag, 7 to 1000.
    max_model_tag_chars: int = 100
    #: The highest temperature, 0 to 2.
    max_temperature: float = MAX_TEMPERATURE
    #: The highest `max_tokens` of a reply, 1 to 4096.
    max_tokens: int = MAX_TOKENS

    def __attrs_post_init__(self) -> None:
        require_ranges(
            ("max_content_chars", self.max_content_chars, 1, MAX_CONTENT_CHARS),
            ("max_title_chars", self.max_title_chars, MIN_TITLE_CHARS, MAX_TITLE_CHARS),
            ("max_model_tag_chars", self.max_model_tag_chars, MIN_MODEL_TAG_CHARS, MAX_MODEL_TAG_CHARS),
            ("max_temperature", self.max_temperature, 0, MAX_TEMPERATURE),
            ("max_tokens", self.max_tokens, 1, MAX_TOKENS),
        )

    def require_content(self, content: str) -> str:
        """Returns the content of a user's message unchanged if it is within its limits and can be stored.

        Raises:
            InvalidInputError: the content is empty, too long, or cannot be stored.
        """
        return require_text("content", content, max_chars=self.max_content_chars)

    def require_instructions(self, instructions: str) -> str:
        """Returns the instructions of a conversation unchanged if they are within the limits of a message.

        Raises:
            InvalidInputError: the instructions are empty, too long, or cannot be stored.
        """
        return require_text("instructions", instructions, max_chars=self.max_content_chars)

    def require_title(self, title: str) -> str:
        """Returns the title unchanged if it is within its limits and can be stored.

        Raises:
            InvalidInputError: the title is empty, too long, or cannot be stored.
        """
        return require_text("title", title, max_chars=self.max_title_chars)

    def require_model_tag(self, model_tag: str) -> str:
        """Returns the model tag unchanged if it is within its limits and can be stored.

        Raises:
            InvalidInputError: the model tag is empty, too long, or cannot be stored.
        """
        return require_text("model_tag", model_tag, max_chars=self.max_model_tag_chars)

    def require_temperature(self, temperature: float) -> None:
        """Raises InvalidInputError if the temperature is out of its range."""
        require_ranges(("temperature", temperature, 0, self.max_temperature))

    def require_max_tokens(self, max_tokens: int) -> None:
        """Raises InvalidInputError if the number of tokens is out of its range."""
        require_ranges(("max_tokens", max_tokens, 1, self.max_tokens))


def require_ranges(*ranges: tuple[str, float, float, float]) -> None:
    """Checks values, each with its field's name before it and the lowest and the highest value after it.

    Raises:
        InvalidInputError: a value is out of its range; the error names each such field.
    """
    problems = [
        FieldProblem(name, f"must be from {low} to {high}")
        for name, value, low, high in ranges
        if not low <= value <= high
    ]
    if problems:
        raise InvalidInputError(*problems)
