"""The contract tests of the auth port."""
