"""Implements the protocol of the samosachaat inference service."""
