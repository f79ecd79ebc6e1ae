"""Finds time zones by their IANA names, in the time zone database of the machine or of the package `tzdata`."""

import re
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chatcore.errors import FieldProblem, InvalidInputError

#: The pattern of names. Files beside the zones, such as those of zones with leap seconds, have names in lower case.
TIME_ZONE_PATTERN = "^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"
MAX_TIME_ZONE_CHARS = 64

_NAME = re.compile(TIME_ZONE_PATTERN)


def time_zone(name: str) -> tzinfo:
    """Returns the time zone with this name.

    Raises:
        InvalidInputError: there is none.
    """
    if len(name) > MAX_TIME_ZONE_CHARS or not _NAME.fullmatch(name):
        raise _unknown()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        # The database also has folders, such as `Europe`, and files that are no zones.
        raise _unknown() from error


def date_in(zone: tzinfo, instant: datetime) -> date:
    """Returns the date at which an instant in UTC falls in a zone."""
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        # The instant is in the first or the last hours that a date can express.
        return instant.date()


def _unknown() -> InvalidInputError:
    return InvalidInputError(FieldProblem("tz", "must be the IANA name of a time zone, such as Europe/Berlin"))
