"""Validates the JWTs of an OpenID Connect issuer with the issuer's published keys."""
