"""Runs the HTTP server of llama.cpp in this process."""

import importlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from chatcore_dev.service_parts.command_line import Address

#: The name of the model in the server's list and in its replies.
MODEL_NAME = "smollm2-135m-instruct"

_PARALLEL_REPLIES = 4
# Holds the longest history that the service sends, in English, and the longest reply by default.
_CONTEXT_TOKENS_EACH = 4096
_MAX_THREADS = 4
# A small model soon repeats itself for ever, so each token of the last 64 becomes less probable.
_REPETITION_PENALTY = 1.1


def serve_model(model: Path, keys: Sequence[str], address: Address) -> None:
    """Serves a model until SIGINT or SIGTERM, which end the process at once.

    `GET /health` answers 200 as soon as the model is loaded, and all other paths need one of the keys as a bearer
    token.

    Args:
        model: the file of the model, in the format GGUF.
        keys: the keys, one of which a caller must send.
        address: the address to listen on.

    Raises:
        RuntimeError: the model cannot be loaded, or the address is in use.
    """
    # The server has no state that could be lost, and its threads do not run Python code that could handle a signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    # The module has no types.
    xllamacpp = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {MODEL_NAME}
    parameters.hostnames = [address.host]
    parameters.port = address.port
    parameters.api_keys = list(keys)
    parameters.ui = False
    parameters.n_parallel = _PARALLEL_REPLIES
    parameters.n_ctx = _PARALLEL_REPLIES * _CONTEXT_TOKENS_EACH
    # By default, the server keeps up to 8 GiB of earlier prompts in memory.
    parameters.cache_ram_mib = 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = _threads()
    parameters.sampling.penalty_repeat = _REPETITION_PENALTY
    # The server stops when its object is deleted.
    _server = xllamacpp.Server(parameters)
    while True:
        signal.pause()


def _threads() -> int:
    """Returns the number of threads that compute.

    Half of the processors are left to the other programs, because a thread that has to wait for a processor makes all
    others wait, many times in each token.
    """
    return max(1, min(_MAX_THREADS, (os.cpu_count() or 1) // 2))
