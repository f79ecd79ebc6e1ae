"""Implements ``chatcore migrate``, which brings the database up to date."""

from chatcore.errors import StorageUnavailableError
from chatcore_service.container import MigrationError, migrate
from chatcore_service.logs import configure_logging, flush_logs
from chatcore_service.settings import NO_CONNECTION_STRING


async def migrate_database(database_url: str, *, schema: str) -> str | None:
    """Applies the missing migrations and prints their names; returns an error message, or None on success."""
    # The result is printed for the operator, so only warnings and errors are logged.
    configure_logging(service_name="chatcore-migrate", level="WARNING")
    try:
        applied = await migrate(database_url, schema=schema)
    except (MigrationError, StorageUnavailableError) as error:
        return str(error)
    except ValueError:
        return NO_CONNECTION_STRING
    # The lines of the log come before the result.
    flush_logs()
    for name in applied:
        print(f"applied {name}")  # noqa: T201 - a command prints its result
    if not applied:
        print("nothing to do: the database is up to date")  # noqa: T201 - a command prints its result
    return None
