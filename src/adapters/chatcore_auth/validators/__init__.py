"""Holds the validators: a module or folder for each way to validate a token."""
