"""Where the database is, and how long the network may be silent."""

import re
from collections.abc import Mapping

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# What a server that vanished without a word (a pulled cable, a firewall that forgot us) would otherwise cost: minutes
# of waiting, on every connection. None of it is session state, so PgBouncer does not mind.
_DEFAULTS = {
    "application_name": "chatcore",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}

# What libpq takes as text and refuses only when it connects, that is, again and again while the service runs.
_MOST = {"port": 65535} | dict.fromkeys(
    ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"), 2**31 - 1
)


def normalized(conninfo: str) -> str:
    """The connection string for libpq, with timeouts where `conninfo` names none.

    `postgresql+asyncpg://` and other driver names after a plus sign are accepted and dropped, and asyncpg's
    `?ssl=` means `?sslmode=`.

    Raises:
        ValueError: it is no connection string; the message does not repeat it, as it may hold a password.
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
    for name, most in _MOST.items():
        # Several hosts may have a port each; an empty one is the default.
        for value in str(named.get(name) or "").split(","):
            if value and not (value.strip().isascii() and value.strip().isdigit() and int(value) <= most):
                raise ValueError(name)
