"""Turns endpoint classes, whose handlers carry out operations, into resources for the router."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from attrs import frozen
from starlette.requests import Request
from starlette.types import ASGIApp

from chatcore_service.http.admission import Admission
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.operation import Operation
from chatcore_service.http.resource import PublicResource, SecuredResource

_SecuredMethodT = TypeVar("_SecuredMethodT", bound=Callable[[Any, Request, Caller], Awaitable[ASGIApp]])
_PublicMethodT = TypeVar("_PublicMethodT", bound=Callable[[Any, Request], Awaitable[ASGIApp]])

_Handler = Callable[..., Awaitable[ASGIApp]]

_SECURED = "secured_operation"
_PUBLIC = "public_operation"


def secured(operation: Operation) -> Callable[[_SecuredMethodT], _SecuredMethodT]:
    """Marks a method of :class:`SecuredEndpoints` as the handler of an operation."""

    def mark(handler: _SecuredMethodT) -> _SecuredMethodT:
        vars(handler)[_SECURED] = operation
        return handler

    return mark


def public(operation: Operation) -> Callable[[_PublicMethodT], _PublicMethodT]:
    """Marks a method of :class:`PublicEndpoints` as the handler of an operation."""

    def mark(handler: _PublicMethodT) -> _PublicMethodT:
        vars(handler)[_PUBLIC] = operation
        return handler

    return mark


@frozen(kw_only=True)
class SecuredEndpoints:
    """Groups operations that need a valid bearer token; each handler takes the caller."""

    authenticator: Authenticator
    admission: Admission

    def resources(self) -> list[SecuredResource]:
        """Returns a resource for each path."""
        return [
            SecuredResource(path, self.entrance, self.authenticator, self.admission, handlers)
            for path, handlers in _handlers(self)
        ]

    def entrance(self, request: Request) -> AbstractContextManager[None]:  # noqa: ARG002 - for subclasses
        """Returns the context in which the caller of a request is authenticated.

        By default every caller may enter. A subclass may refuse callers whom the process cannot serve now, before any
        work is done for them.

        Raises:
            RefusedError: the caller may not enter.
        """
        return nullcontext()


@frozen(kw_only=True)
class PublicEndpoints:
    """Groups operations that need no token."""

    def resources(self) -> list[PublicResource]:
        """Returns a resource for each path."""
        return [PublicResource(path, handlers) for path, handlers in _handlers(self)]


EndpointsType = type[SecuredEndpoints] | type[PublicEndpoints]


def operations(endpoints: EndpointsType) -> Iterator[tuple[Operation, Callable[..., object]]]:
    """Yields the operations of an endpoint class in the order of their declaration, each with its handler.

    Raises:
        TypeError: a handler is marked as public in a secured class, or as secured in a public class.
    """
    own, other = (_PUBLIC, _SECURED) if issubclass(endpoints, PublicEndpoints) else (_SECURED, _PUBLIC)
    for name, handler in vars(endpoints).items():
        if hasattr(handler, other):
            raise TypeError(f"{endpoints.__name__}.{name} is marked as a {other.replace('_', ' ')}")
        operation = getattr(handler, own, None)
        if operation is not None:
            yield operation, handler


def _handlers(endpoints: SecuredEndpoints | PublicEndpoints) -> Iterable[tuple[str, Mapping[str, _Handler]]]:
    by_path = defaultdict[str, dict[str, _Handler]](dict)
    for operation, method in operations(type(endpoints)):
        handler: _Handler = getattr(endpoints, method.__name__)
        for http_method in operation.methods:
            by_path[operation.path][http_method] = handler
    return by_path.items()
