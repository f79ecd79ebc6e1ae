"""Restores the configuration of logging, which belongs to the whole process."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import structlog


@contextmanager
def restored_logging() -> Generator[None]:
    """Restores the configuration at the end of the block."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers, root.level = before[0], before[1]
        structlog.configure(**before[2])
        structlog.contextvars.clear_contextvars()
        logging.captureWarnings(capture=False)
