"""Serves a small language model for local use: SmolLM2 135M Instruct, by the HTTP server of llama.cpp.

`python -m chatcore_dev.model_service` serves it; the server speaks the protocol of OpenAI's chat completions.
"""
