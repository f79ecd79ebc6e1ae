"""Tests of what must never be written: tokens, keys, passwords, and what users say."""
