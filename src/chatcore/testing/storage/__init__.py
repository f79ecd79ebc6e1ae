"""Holds the contract tests of the storage ports."""
