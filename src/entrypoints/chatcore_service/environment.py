"""Reads settings classes from environment variables and collects every problem with them.

A field of a settings class declares its variable in its metadata::

    @frozen(kw_only=True)
    class StreamSettings:
        max_seconds: float = field(default=600.0, metadata=env("STREAM_MAX_SECONDS", seconds))

A field whose type is another settings class needs no metadata. A field without a default is required.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import NOTHING, Attribute, AttrsInstance, fields

T = TypeVar("T")
SettingsT = TypeVar("SettingsT", bound=AttrsInstance)

_READ = "read"


class InvalidSettingsError(Exception):
    """Reports missing or malformed variables, with which the service does not start.

    ``str()`` has one sentence for each variable.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{name} {problem}." for name, problem in problems.items()))
        #: The problem of each variable, as a fragment that follows the variable's name.
        self.problems = problems


class MalformedValueError(ValueError):
    """Reports that a parser rejects a value. ``str()`` is a fragment that follows the variable's name."""


class Environment:
    """Parses environment variables.

    An empty variable counts as absent, because a deployment that passes on a missing variable sets an empty one.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._problems: dict[str, str] = {}
        self._names: set[str] = set()

    @property
    def names(self) -> frozenset[str]:
        """Returns the names of all variables that were asked for."""
        return frozenset(self._names)

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """Returns the parsed value, or the default if the variable is absent or malformed; see :meth:`check`.

        Args:
            name: the name of the variable.
            parse: the parser, which raises :class:`MalformedValueError` for a value that the parser rejects.
            default: the value of an absent variable.
        """
        text = self._text(name)
        try:
            return parse(text) if text else default
        except MalformedValueError as problem:
            self._problems[name] = str(problem)
            return default

    def require(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Returns the parsed value, or None if the variable is absent or malformed; see :meth:`check`."""
        if not self._text(name):
            self._problems[name] = "is required"
        return self.read(name, parse, None)

    def forbid(self, name: str, problem: str) -> None:
        """Records a problem with a variable if the variable is present; see :meth:`check`."""
        if self._text(name):
            self._problems[name] = problem

    def _text(self, name: str) -> str:
        self._names.add(name)
        return self._variables.get(name, "").strip()

    def check(self) -> None:
        """Checks that no variable that was read is missing or malformed.

        Raises:
            InvalidSettingsError: names every variable with a problem.
        """
        if self._problems:
            raise InvalidSettingsError(self._problems)


def env(name: str, parse: Callable[[str], object]) -> dict[str, object]:
    """Returns the metadata of a field that is read from one variable."""

    def read(environment: Environment, default: object) -> object:
        return environment.require(name, parse) if default is NOTHING else environment.read(name, parse, default)

    return {_READ: read}


def read_by(read: Callable[[Environment], object]) -> dict[str, object]:
    """Returns the metadata of a field whose value `read` makes from several variables."""

    def read_several(environment: Environment, _default: object) -> object:
        return read(environment)

    return {_READ: read_several}


def read_settings(settings_class: type[SettingsT], environment: Environment) -> SettingsT:
    """Reads every field of a settings class. Call `environment.check()` before using the result."""
    values = {attribute.name: read_field(attribute, environment) for attribute in fields(settings_class)}
    return settings_class(**values)


def refuse_settings(settings_class: type[AttrsInstance], environment: Environment, problem: str) -> None:
    """Reports the problem of every variable of a settings class that is there, because none of them applies."""
    variables = Environment({})
    read_settings(settings_class, variables)
    for name in variables.names:
        environment.forbid(name, problem)


def read_field(attribute: "Attribute[Any]", environment: Environment) -> Any:  # noqa: ANN401 - the field's own type
    """Reads one field of a settings class."""
    read: Callable[[Environment, object], Any] | None = attribute.metadata.get(_READ)
    if read is not None:
        return read(environment, attribute.default)
    assert isinstance(attribute.type, type)  # noqa: S101 - a field without metadata holds a settings class
    return read_settings(attribute.type, environment)
