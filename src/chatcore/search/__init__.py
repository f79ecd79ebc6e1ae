"""Finds conversations by the words of their messages and titles."""
