"""How the local services run as programs of their own."""

import argparse
import os
import sys

import uvicorn
from attrs import frozen
from starlette.applications import Starlette

from chatcore.key_ring import keys_in


@frozen
class Address:
    """Where a local service listens."""

    host: str
    port: int


def parser(description: str, *, default_port: int) -> argparse.ArgumentParser:
    """A command line with `--host` and `--port`."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--host", default="127.0.0.1", help="address to listen on; %(default)s by default")
    made.add_argument("--port", type=int, default=default_port, help="port to listen on; %(default)s by default")
    return made


def internal_api_key() -> str:
    """INTERNAL_API_KEY from the environment; ends the program with a sentence when it is missing."""
    key = os.environ.get("INTERNAL_API_KEY", "")
    if not keys_in(key):
        sys.exit("INTERNAL_API_KEY is not set: choose a key and give it to the chat service as well.")
    return key


def serve(app: Starlette, address: Address) -> None:
    """Serves until SIGINT or SIGTERM; streams that are open then get two seconds."""
    uvicorn.run(
        app,
        host=address.host,
        port=address.port,
        access_log=False,
        log_level=os.environ.get("LOG_LEVEL", "INFO").lower(),
        timeout_graceful_shutdown=2,
    )
