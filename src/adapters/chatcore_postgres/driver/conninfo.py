"""Normalizes the connection string, and bounds how long the network may be silent."""

import re
from collections.abc import Mapping

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# Without these settings, a server that vanished silently (a pulled cable, a firewall that dropped the connection) would
# cost minutes of waiting on every connection. No setting is session state, so all work through PgBouncer.
_DEFAULTS = {
    "application_name": "chatcore",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}

# libpq accepts any text for these settings, and refuses it only at each attempt to connect, while the service runs.
_MAX_VALUES = {"port": 65535} | dict.fromkeys(
    ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"), 2**31 - 1
)


def normalized(conninfo: str) -> str:
    """Returns the connection string for libpq, with timeouts where `conninfo` sets none.

    A driver name after a plus sign, as in `postgresql+asyncpg://`, is removed, and asyncpg's `?ssl=` becomes
    `?sslmode=`.

    Raises:
        ValueError: `conninfo` is not a connection string; the message does not repeat it, as it may have a password.
    """
    plain = re.sub(r"\Apostgres(ql)?\+\w+://", "postgresql://", conninfo)
    plain = re.sub(r"([?&])ssl=(?=[a-z-]+(&|\Z))(?!true\b)", r"\1sslmode=", plain)
    try:
        named = conninfo_to_dict(plain)
        _require_numbers(named)
    except (ProgrammingError, ValueError):
        raise ValueError("The database URL is not one that PostgreSQL understands.") from None
    return make_conninfo("", **{**_DEFAULTS, **named})


def _require_numbers(named: Mapping[str, object]) -> None:
    for name, most in _MAX_VALUES.items():
        # Several hosts may have a port each; an empty port is the default.
        for value in str(named.get(name) or "").split(","):
            if value and not (value.strip().isascii() and value.strip().isdigit() and int(value) <= most):
                raise ValueError(name)
