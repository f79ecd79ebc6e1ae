"""Defines the media types of requests and responses."""

JSON = "application/json"
PROBLEM = "application/problem+json"
#: JSON lines.
NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"
