"""The core of a chat backend that does not lose an answer."""
