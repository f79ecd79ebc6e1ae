"""Normalizes the connection string, and bounds how long the network may be silent."""

import re
from collections.abc import Mapping
from functools import cache

import structlog
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

# The storage decodes every text as UTF-8, whatever PGCLIENTENCODING or the role's own settings say.
_REQUIRED = {"client_encoding": "UTF8"}

# These parameters of a URL belong to SQLAlchemy, asyncpg or psycopg, and not to PostgreSQL. Other unknown parameters
# are refused: one that is misspelt must not be lost, such as `sslmod=require`.
_OF_OTHER_LIBRARIES = frozenset(
    {
        # asyncpg, and SQLAlchemy's dialect for it
        *("async_fallback", "command_timeout", "direct_tls", "max_cacheable_statement_size"),
        *("max_cached_statement_lifetime", "prepared_statement_cache_size", "prepared_statement_name_func"),
        *("record_class", "server_settings", "statement_cache_size", "timeout"),
        # SQLAlchemy's engine, and its dialects for psycopg
        *("echo", "echo_pool", "executemany_batch_page_size", "executemany_mode", "executemany_values_page_size"),
        *("future", "isolation_level", "max_overflow", "native_inet_types", "plugin", "pool_pre_ping", "pool_recycle"),
        *("pool_size", "pool_timeout", "pool_use_lifo", "use_insertmanyvalues", "use_native_hstore"),
        "use_native_unicode",
        # psycopg
        *("autocommit", "prepare_threshold"),
    }
)

_URL = re.compile(r"(postgres(?:ql)?)(?:\+\w+)?(://(?:[^@/]*@)?)([^?]*)\??(.*)", re.DOTALL)

_log = structlog.get_logger("chatcore_postgres")

# libpq accepts any text for these settings, and refuses it only at each attempt to connect, while the service runs.
_MAX_VALUES = {"port": 65535} | dict.fromkeys(
    ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"), 2**31 - 1
)


def normalized(conninfo: str) -> str:
    """Returns the connection string for libpq, with timeouts where `conninfo` sets none, and with UTF-8 as encoding.

    A driver name after a plus sign, as in `postgresql+asyncpg://`, is removed, and asyncpg's `?ssl=` becomes
    `?sslmode=`. Parameters of other libraries are left out, and logged by their names. Where there are several hosts,
    the one that takes writes is used unless `target_session_attrs` says otherwise.

    Raises:
        ValueError: `conninfo` is not a connection string; the message does not repeat it, as it may have a password.
    """
    try:
        named = conninfo_to_dict(_plain(conninfo))
        _require_numbers(named)
    except (ProgrammingError, ValueError):
        raise ValueError("The database URL is not one that PostgreSQL understands.") from None
    defaults = _DEFAULTS | _defaults_of_hosts(named)
    return make_conninfo("", **{**defaults, **named, **_REQUIRED})


def _plain(conninfo: str) -> str:
    """Returns a URL without what belongs to other libraries, and any other connection string unchanged.

    Raises:
        ValueError: the URL can be read in two ways.
    """
    url = _URL.fullmatch(conninfo)
    if url is None:
        return conninfo
    scheme, credentials, place, query = url.groups()
    # libpq would read `a:b@c@host` as the host `c@host`, and its errors show the host: part of a password would be
    # logged.
    if "@" in place or "@" in query:
        raise ValueError("an @ that is not percent-encoded")
    parameters = [parameter for parameter in query.split("&") if parameter]
    foreign = {_name(parameter) for parameter in parameters} & _OF_OTHER_LIBRARIES
    if foreign:
        _warn_of_ignored(tuple(sorted(foreign)))
    kept = "&".join(_in_our_words(parameter) for parameter in parameters if _name(parameter) not in foreign)
    return f"{scheme}{credentials}{place}{'?' if kept else ''}{kept}"


@cache
def _warn_of_ignored(names: tuple[str, ...]) -> None:
    """Logs the names once, because a command may open several connections with the same URL."""
    _log.warning("database_url_parameters_ignored", names=list(names))


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]


def _in_our_words(parameter: str) -> str:
    """Translates asyncpg's `ssl=require`; libpq itself understands `ssl=true`."""
    return re.sub(r"\Assl=(?=[a-z-]+\Z)(?!true\Z)", "sslmode=", parameter)


def _defaults_of_hosts(named: Mapping[str, object]) -> dict[str, str]:
    """Returns the defaults for several hosts: without them, libpq stays with the first host that answers."""
    hosts = str(named.get("host") or named.get("hostaddr") or "")
    return {"target_session_attrs": "read-write"} if "," in hosts else {}


def _require_numbers(named: Mapping[str, object]) -> None:
    for name, most in _MAX_VALUES.items():
        # Several hosts may have a port each; an empty port is the default.
        for value in str(named.get(name) or "").split(","):
            if value and not (value.strip().isascii() and value.strip().isdigit() and int(value) <= most):
                raise ValueError(name)
