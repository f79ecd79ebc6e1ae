"""Holds the contract tests of the inference port."""
