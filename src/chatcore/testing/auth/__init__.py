"""Holds the contract tests of the auth port."""
