"""Requests made up from the OpenAPI document, many of them, against a running service."""
