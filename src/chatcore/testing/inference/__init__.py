"""The contract tests of the inference port."""
