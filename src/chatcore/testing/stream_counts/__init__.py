"""The contract tests of the stream counts port."""
