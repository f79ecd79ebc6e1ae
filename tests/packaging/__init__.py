"""Tests of what users install: they build the distribution and install it in clean environments."""
