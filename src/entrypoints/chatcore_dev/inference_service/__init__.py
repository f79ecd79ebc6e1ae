"""Implements a small inference service for local use: old-fashioned chatbots whose replies are streamed word by word.

`python -m chatcore_dev.inference_service` serves it.
"""
