"""A user's limit of open streams, over processes that hear of each other through the storage."""
