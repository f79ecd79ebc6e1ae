"""Implements the ports of the storage, each in a class of its own over the same pools."""
