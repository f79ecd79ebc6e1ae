"""What a person reads when the local stack is up."""

from pathlib import Path

_TEXT = """\
chatcore is ready on {url}

Paste these into another terminal. First the address, a token of the user `demo`, and a conversation:

  CHAT={url}
  AUTH='Authorization: Bearer {token}'
  ID=$(curl -s -X POST "$CHAT/api/conversations" -H "$AUTH" | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/'); echo "$ID"

Say something, and watch the reply arrive:

  curl -N -X POST "$CHAT/api/conversations/$ID/messages" -H "$AUTH" \
-H 'Content-Type: application/json' -d '{{"content": "I need a holiday by the sea"}}'

List your conversations:

  curl -s "$CHAT/api/conversations" -H "$AUTH"

Ask for another reply:

  curl -N -X POST "$CHAT/api/conversations/$ID/regenerate" -H "$AUTH"

Data and logs are kept in {data}. Ctrl-C stops everything.
"""


def welcome(*, url: str, token: str, data: Path) -> str:
    """The text, with commands that work as pasted."""
    return _TEXT.format(url=url, token=token, data=data)
