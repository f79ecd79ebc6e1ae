"""Implements a small auth service for local use: two users, signed tokens, the real contract over HTTP.

`python -m chatcore_dev.auth_service` serves it and prints the users' tokens.
"""
