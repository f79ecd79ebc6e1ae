"""Everything that a caller could send and should not, on every route, byte by byte."""
