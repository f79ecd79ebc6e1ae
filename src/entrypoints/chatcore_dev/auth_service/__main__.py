"""Serves the local auth service from the command line."""

import os

from chatcore_dev.auth_service.auth_app import create_auth_app
from chatcore_dev.auth_service.sign_in import sign_in_from
from chatcore_dev.auth_service.user_tokens import mint_token
from chatcore_dev.auth_service.users import USERS
from chatcore_dev.service_parts.command_line import Address, argument_parser, internal_api_key, serve
from chatcore_dev.terminal import say

DEFAULT_PORT = 8001


def main() -> None:
    """Prints one user's token, or else prints all tokens and serves until SIGINT or SIGTERM."""
    parser = argument_parser(
        "python -m chatcore_dev.auth_service", "A small auth service for local use.", default_port=DEFAULT_PORT
    )
    parser.add_argument("--print-token", choices=sorted(USERS), help="print this user's token and exit")
    arguments = parser.parse_args()
    key = internal_api_key()
    if arguments.print_token:
        say(mint_token(key, arguments.print_token))
        return
    for name in USERS:
        say(f"token of {name}: {mint_token(key, name)}")
    serve(create_auth_app(key, sign_in_from(os.environ, key)), Address(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
