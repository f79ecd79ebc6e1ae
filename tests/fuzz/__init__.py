"""Fuzzes every parser of untrusted input, guided by coverage.

    make fuzz
    python -m tests.fuzz --seconds 600 --only event_stream

Each target is a module of :mod:`tests.fuzz.targets`: a function that reads some bytes and asserts what must hold of
the result, and seeds to begin with. Needs the extra `fuzz`.
"""
