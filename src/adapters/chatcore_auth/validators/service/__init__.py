"""Validates tokens by asking the auth service."""
