"""Builds the command lines of the local services and serves their applications."""

import argparse
import os
import sys

import uvicorn
from attrs import frozen
from starlette.applications import Starlette

from chatcore.key_ring import keys_in


@frozen
class Address:
    """An address to listen on."""

    host: str
    port: int


def argument_parser(program: str, description: str, *, default_port: int) -> argparse.ArgumentParser:
    """Builds a parser with `--host` and `--port`."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=default_port, help="port to listen on (default: %(default)s)")
    return parser


def internal_api_key() -> str:
    """Returns INTERNAL_API_KEY from the environment; prints a sentence and exits if the variable is missing."""
    key = os.environ.get("INTERNAL_API_KEY", "")
    if not keys_in(key):
        sys.exit("INTERNAL_API_KEY is not set: choose a key and give it to the chat service as well.")
    return key


def serve(app: Starlette, address: Address) -> None:
    """Serves the application until SIGINT or SIGTERM; open streams then have two seconds to finish."""
    uvicorn.run(
        app,
        host=address.host,
        port=address.port,
        access_log=False,
        log_level=os.environ.get("LOG_LEVEL", "INFO").lower(),
        timeout_graceful_shutdown=2,
    )
