"""Implements the protocols that inference services speak, a package for each."""
