"""Defines the settings of the ways to authenticate callers."""

from enum import StrEnum


class AuthMode(StrEnum):
    """How the service finds the user of a request; the container has an auth adapter for each mode."""

    #: The auth service validates the bearer token.
    SERVICE = "service"
