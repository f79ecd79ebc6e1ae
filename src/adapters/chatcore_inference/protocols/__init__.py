"""Implements the protocols that inference services speak, one package for each protocol."""
