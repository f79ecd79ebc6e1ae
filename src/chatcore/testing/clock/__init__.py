"""The contract tests of the clock port."""
