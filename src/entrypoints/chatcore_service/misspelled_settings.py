"""Finds environment variables that look like misspelled settings, which would otherwise be ignored silently."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import structlog
from attrs import fields

from chatcore_service.environment import Environment, read_field
from chatcore_service.logs import configure_logging
from chatcore_service.settings import Settings, setting_names

# DATABASE_ULR is closer than this to DATABASE_URL. The variables that Kubernetes sets, such as INFERENCE_SERVICE_PORT,
# are not that close to any setting.
_SIMILARITY = 0.9

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def misspelled_settings(variables: Iterable[str]) -> dict[str, str]:
    """Returns the variables whose names are close to the name of a setting, each with the name of that setting."""
    known = setting_names()
    found: dict[str, str] = {}
    for name in sorted(set(variables) - known):
        if closest := get_close_matches(name.upper(), known, n=1, cutoff=_SIMILARITY):
            found[name] = closest[0]
    return found


def warn_of_misspelled_settings(variables: Mapping[str, str]) -> None:
    """Logs all misspelled settings in one line, without their values; logging is configured for this line."""
    if found := misspelled_settings(variables):
        service_name = read_field(fields(Settings).service_name, Environment(variables))
        configure_logging(service_name=service_name, level="WARNING")
        _log.warning("environment variables that look like misspelled settings are ignored", did_you_mean=found)
