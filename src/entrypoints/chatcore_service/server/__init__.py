"""The server: uvicorn, with the limits it lacks and an end that loses nothing."""

from chatcore_service.server.serve import PortUnavailableError, serve

__all__ = ["PortUnavailableError", "serve"]
