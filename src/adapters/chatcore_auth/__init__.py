"""The auth port over HTTP: a client of the auth service, behind a cache that fails closed."""

from chatcore_auth.client import AuthClient

__all__ = ["AuthClient"]
