"""Serves the local inference service from the command line."""

from chatcore_dev.inference_service.inference_app import TOKENS_PER_SECOND, create_inference_app
from chatcore_dev.service_parts.command_line import Address, argument_parser, internal_api_key, serve

DEFAULT_PORT = 8000


def main() -> None:
    """Serves the application until SIGINT or SIGTERM."""
    parser = argument_parser(
        "python -m chatcore_dev.inference_service",
        "A small inference service for local use.",
        default_port=DEFAULT_PORT,
    )
    parser.add_argument(
        "--tokens-per-second", type=float, default=TOKENS_PER_SECOND, help="pace of replies (default: %(default)s)"
    )
    arguments = parser.parse_args()
    app = create_inference_app(internal_api_key(), tokens_per_second=arguments.tokens_per_second)
    serve(app, Address(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
