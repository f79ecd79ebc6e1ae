"""Builds the text that a person reads when the local stack is ready."""

from pathlib import Path

# A language model writes for some seconds. A chatbot repeats most of this message, so it takes some seconds, too.
_MESSAGE = (
    "I need a long story about a lighthouse keeper who finds a letter in a bottle, "
    "with a storm, an old dog, and an ending that makes me smile"
)

_TEXT = """\
chatcore is ready on {url}
{inference}

Chat in a browser on this machine. This address signs you in once, within ten minutes:
{url}/#code={code}

Or paste these into another terminal. First the address, a token of the user `demo`, and a conversation:

  CHAT={url}
  AUTH='Authorization: Bearer {token}'
  ID=$(curl -s -X POST "$CHAT/api/conversations" -H "$AUTH" | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/'); echo "$ID"

Say something, and watch the reply arrive:

  curl -N -X POST "$CHAT/api/conversations/$ID/messages" -H "$AUTH" \
-H 'Content-Type: application/json' -d '{{"content": "{message}"}}'

Interrupt that with Ctrl-C half-way, and read on where it goes on without you:

  REPLY=$(curl -s "$CHAT/api/conversations/$ID" -H "$AUTH" | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/')
  curl -N "$CHAT/api/conversations/$ID/messages/$REPLY/stream" -H "$AUTH"

List your conversations:

  curl -s "$CHAT/api/conversations" -H "$AUTH"; echo

Ask for another reply, and see both:

  curl -N -X POST "$CHAT/api/conversations/$ID/regenerate" -H "$AUTH"
  curl -s "$CHAT/api/conversations/$ID?branches=all" -H "$AUTH"; echo

`chatcore dev --print-env` prints the environment that another program needs to use this stack.
The API is described at {url}/docs. A token of the user `admin` is in {data}/logs/auth.log.
Data and logs are kept in {data}. Ctrl-C stops everything.
"""


def welcome(*, url: str, code: str, token: str, data: Path, inference: str) -> str:
    """Returns the text, whose commands can be pasted into a shell.

    Args:
        url: the address of the chat service.
        code: the one-time code with which the page signs in.
        token: a token of the user `demo`.
        data: the data directory.
        inference: a sentence that says what writes the replies.
    """
    return _TEXT.format(url=url, code=code, token=token, data=data, inference=inference, message=_MESSAGE)
