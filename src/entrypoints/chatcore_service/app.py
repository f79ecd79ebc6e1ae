"""Creates the ASGI application from the settings."""

import os
from collections.abc import Callable

from starlette.applications import Starlette

from chatcore_service.container import Container
from chatcore_service.environment import InvalidSettingsError
from chatcore_service.logs import configure_logging
from chatcore_service.settings import SPECIAL_CHARACTERS, Settings

_HINTS = {"DATABASE_URL": f"; {SPECIAL_CHARACTERS}"}


def create_app(settings: Settings | None = None) -> Starlette:
    """Returns the ASGI application, which its lifespan opens.

    A call without settings reads the settings from the environment and configures logging, so that any ASGI server can
    call this function.

    Raises:
        InvalidSettingsError: names the variables that are missing or malformed.
    """
    if settings is None:
        settings = Settings.from_environment(os.environ)
        configure_logging(service_name=settings.service_name, level=settings.log_level)
    container = Container(settings=settings)
    _check(container)
    return container.application()


def check(settings: Settings) -> None:
    """Builds the adapters once, to validate the settings that only adapters can validate.

    Raises:
        InvalidSettingsError: names the variables that an adapter cannot use.
    """
    _check(Container(settings=settings))


def _check(container: Container) -> None:
    adapters: dict[str, Callable[[], object]] = {
        "DATABASE_URL": container.storage,
        "AUTH_SERVICE_URL": container.auth,
        "INFERENCE_SERVICE_URL": container.inference,
    }
    problems: dict[str, str] = {}
    for name, make in adapters.items():
        try:
            make()
        except ValueError:
            # The adapter's own message may quote the value, which may contain a password.
            problems[name] = f"is not an address that can be used{_HINTS.get(name, '')}"
    if problems:
        raise InvalidSettingsError(problems)
