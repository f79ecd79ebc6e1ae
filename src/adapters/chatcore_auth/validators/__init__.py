"""Holds the validators: one module or folder for each way to validate a token."""
