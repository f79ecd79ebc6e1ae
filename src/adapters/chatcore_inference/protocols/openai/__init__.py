"""Implements the protocol of OpenAI's chat completions, which many inference servers speak."""
