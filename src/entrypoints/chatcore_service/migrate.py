"""``chatcore migrate``: brings the database up to date."""

from chatcore.errors import StorageUnavailableError
from chatcore_service.container import MigrationError, migrate
from chatcore_service.logs import configure_logging


async def migrate_database(database_url: str) -> str | None:
    """Applies what is missing and prints each name; returns what went wrong, None when nothing did."""
    # Its result is printed, for the person who waits for it; the log has what is worth a warning.
    configure_logging(service_name="chatcore-migrate", level="WARNING")
    try:
        applied = await migrate(database_url)
    except (MigrationError, StorageUnavailableError) as error:
        return str(error)
    except ValueError:
        return "DATABASE_URL must be a PostgreSQL connection string."
    for name in applied:
        print(f"applied {name}")  # noqa: T201 - what a command line is for
    if not applied:
        print("nothing to do: the database is up to date")  # noqa: T201 - what a command line is for
    return None
