"""The application factory."""

import os

from starlette.applications import Starlette

from chatcore_service.container import Container
from chatcore_service.environment import InvalidSettingsError
from chatcore_service.logs import configure_logging
from chatcore_service.settings import Settings


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application, closed; its lifespan opens it.

    Without settings it reads them from the environment and sets up the logs, as any ASGI server's factory needs it.

    Raises:
        InvalidSettingsError: names the variables that are missing or malformed.
    """
    if settings is None:
        settings = Settings.from_environment(os.environ)
        configure_logging(service_name=settings.service_name, level=settings.log_level)
    container = Container(settings=settings)
    try:
        container.storage()
    except ValueError as error:
        raise InvalidSettingsError({"DATABASE_URL": "must be a PostgreSQL connection string"}) from error
    return container.application()
