"""Holds the contract tests of the stream counts port."""
