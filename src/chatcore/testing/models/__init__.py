"""Holds the contract tests of the models port."""
