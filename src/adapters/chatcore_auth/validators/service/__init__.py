"""Validates tokens by asking the auth service over HTTP."""
