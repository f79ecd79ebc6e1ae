"""The contract tests of the models port."""
