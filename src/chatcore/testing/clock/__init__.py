"""Holds the contract tests of the clock port."""
