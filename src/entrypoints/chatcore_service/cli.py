"""Implements the command line: ``chatcore serve``, ``migrate``, ``import``, ``export``, ``delete-user`` and ``dev``."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chatcore_service.environment import InvalidSettingsError
from chatcore_service.settings import (
    Settings,
    read_database_schema,
    read_database_url,
    read_input_limits,
    read_placeholder_titles,
)

OK = 0
FAILED = 1
MISUSED = 2

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8002
_MAX_PORT = 65535
_MAX_WORKERS = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except InvalidSettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints its result
        return MISUSED
    except _NotInstalledError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints its result
        return FAILED


class _NotInstalledError(Exception):
    """Reports that a command needs libraries of an extra that is not installed."""


@contextmanager
def _installed_with(extra: str) -> Generator[None]:
    """Wraps the imports of a command whose libraries are in an extra.

    Raises:
        _NotInstalledError: a library is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise _NotInstalledError(
            f"chatcore: {error.name} is not installed; this command needs pip install 'chatcore[{extra}]'."
        ) from error


def _serve(options: argparse.Namespace) -> int:
    # Each command imports its own libraries, so that `chatcore --help` does not load a server.
    with _installed_with("service"):
        from chatcore_service.misspelled_settings import warn_of_misspelled_settings  # noqa: PLC0415 - see above
        from chatcore_service.server import PortUnavailableError, serve  # noqa: PLC0415 - see above

    warn_of_misspelled_settings(os.environ)
    settings = Settings.from_environment(os.environ)
    try:
        return serve(settings, host=options.host, port=options.port, workers=options.workers)
    except PortUnavailableError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints its result
        return FAILED


def _migrate(_options: argparse.Namespace) -> int:
    with _installed_with("service"):
        from chatcore_service.migrate import migrate_database  # noqa: PLC0415 - see above
        from chatcore_service.misspelled_settings import warn_of_misspelled_settings  # noqa: PLC0415 - see above

    warn_of_misspelled_settings(os.environ)
    database_url, schema = _database()
    return _ended(asyncio.run(migrate_database(database_url, schema=schema)))


def _import_samosachaat(options: argparse.Namespace) -> int:
    with _installed_with("service"):
        from chatcore_service.import_samosachaat import import_conversations  # noqa: PLC0415 - see above

    database_url = read_database_url(os.environ)
    imported = import_conversations(
        options.source or database_url,
        database_url,
        source_schema=options.from_schema,
        schema=read_database_schema(os.environ),
        is_dry=options.dry_run,
        placeholder_titles=read_placeholder_titles(os.environ),
        limits=read_input_limits(os.environ),
    )
    return _completed("import", imported)


def _export(options: argparse.Namespace) -> int:
    with _installed_with("service"):
        from chatcore_service.transfer_commands import export_user  # noqa: PLC0415 - see above

    return _completed("export", export_user(*_database(), options.user, options.output))


def _import_files(options: argparse.Namespace) -> int:
    with _installed_with("service"):
        from chatcore_service.transfer_commands import import_files  # noqa: PLC0415 - see above

    limits = read_input_limits(os.environ)
    return _completed(
        "import", import_files(*_database(), options.user, options.files, format_=options.format, limits=limits)
    )


def _delete_user(options: argparse.Namespace) -> int:
    with _installed_with("service"):
        from chatcore_service.transfer_commands import delete_user  # noqa: PLC0415 - see above

    return _completed("deletion", delete_user(*_database(), options.user))


def _database() -> tuple[str, str]:
    return read_database_url(os.environ), read_database_schema(os.environ)


def _completed(name: str, work: Coroutine[Any, Any, str | None]) -> int:
    """Runs a command to its end; one that is interrupted may be repeated."""
    try:
        return _ended(asyncio.run(work))
    except KeyboardInterrupt:
        return _ended(f"The {name} was interrupted; run it again to complete it.")


def _ended(problem: str | None) -> int:
    """Prints what went wrong, if anything; returns the exit status."""
    if problem is not None:
        print(problem, file=sys.stderr)  # noqa: T201 - a command prints its result
        return FAILED
    return OK


def _dev(options: argparse.Namespace) -> int:
    with _installed_with("local"):
        from chatcore_dev.environment import print_environment  # noqa: PLC0415 - an extra that the service does not need
        from chatcore_dev.stack import run_dev  # noqa: PLC0415 - an extra that the service does not need
        from chatcore_service.misspelled_settings import misspelled_settings  # noqa: PLC0415 - see above

    if options.print_env:
        return print_environment(options.data_dir)
    for name, closest in misspelled_settings(os.environ).items():
        print(f"chatcore: {name} is not a setting; is {closest} meant?", file=sys.stderr)  # noqa: T201 - for a person
    return run_dev(options.host, options.port, options.data_dir, model=options.model)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chatcore", description="A chat backend that never loses an answer.")
    commands = parser.add_subparsers(required=True, metavar="command")

    serve = commands.add_parser("serve", help="serve the API; settings come from the environment")
    _add_address(serve)
    serve.add_argument("--workers", type=_whole(1, _MAX_WORKERS), default=1, help="processes (default: 1)")
    serve.set_defaults(command=_serve)

    migrate = commands.add_parser("migrate", help="bring the database named by DATABASE_URL up to date")
    migrate.set_defaults(command=_migrate)

    _add_import(commands.add_parser("import", help="bring the data of another service into our tables"))

    export = commands.add_parser("export", help="write all conversations of a user as JSON lines")
    export.add_argument("user", metavar="USER", help="id of the user")
    export.add_argument("--output", type=Path, metavar="FILE", help="file to write (default: standard output)")
    export.set_defaults(command=_export)

    delete_user = commands.add_parser("delete-user", help="delete all conversations of a user, without asking")
    delete_user.add_argument("user", metavar="USER", help="id of the user")
    delete_user.set_defaults(command=_delete_user)

    dev = commands.add_parser(
        "dev", help="serve on this machine, with PostgreSQL, auth and a language model of its own"
    )
    _add_address(dev)
    dev.add_argument(
        "--model",
        choices=("smollm2", "eliza"),
        default="smollm2",
        help="what writes the replies: a small language model, or old-fashioned chatbots (default: smollm2)",
    )
    dev.add_argument("--data-dir", type=Path, default=Path(".chatcore"), help="what is kept (default: .chatcore)")
    dev.add_argument(
        "--print-env", action="store_true", help="print the environment of the stack that runs, as lines for a shell"
    )
    dev.set_defaults(command=_dev)
    return parser


def _add_import(parser: argparse.ArgumentParser) -> None:
    services = parser.add_subparsers(required=True, metavar="service")
    samosachaat = services.add_parser(
        "samosachaat", help="the service whose tables are conversations and messages, see docs/migrating.md"
    )
    samosachaat.add_argument(
        "--from", dest="source", metavar="DATABASE_URL", help="database of that service (default: DATABASE_URL)"
    )
    samosachaat.add_argument(
        "--from-schema", default="public", metavar="SCHEMA", help="schema of its tables (default: public)"
    )
    samosachaat.add_argument("--dry-run", action="store_true", help="write nothing, and report what would be done")
    samosachaat.set_defaults(command=_import_samosachaat)
    for name, help_ in (
        ("chatgpt", "the conversations.json of an export of ChatGPT, or conversations-000.json and so on"),
        ("chatcore", "an export of this service"),
    ):
        files = services.add_parser(name, help=help_)
        files.add_argument("files", nargs="+", type=Path, metavar="FILE")
        files.add_argument("--user", required=True, help="id of the user who gets the conversations")
        files.set_defaults(command=_import_files, format=name)


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=DEFAULT_HOST, help=f"address to listen on (default: {DEFAULT_HOST})")
    parser.add_argument(
        "--port", type=_whole(0, _MAX_PORT), default=DEFAULT_PORT, help=f"port, 0 for any (default: {DEFAULT_PORT})"
    )


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse
