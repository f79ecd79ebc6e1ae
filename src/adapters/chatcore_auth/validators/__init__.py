"""Validators: each finds out whose token it is, in its own way."""
