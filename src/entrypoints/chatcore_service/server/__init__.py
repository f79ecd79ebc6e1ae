"""Serves by uvicorn, with the limits that uvicorn lacks and a shutdown that loses no reply."""

from chatcore_service.server.serve import PortUnavailableError, serve

__all__ = ["PortUnavailableError", "serve"]
