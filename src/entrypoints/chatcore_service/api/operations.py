"""What operators look at: liveness, readiness and metrics."""

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.api.documents import json_response
from chatcore_service.http import paths
from chatcore_service.http.resource import PublicResource
from chatcore_service.metrics import EXPOSITION_MEDIA_TYPE, Metrics
from chatcore_service.readiness import Readiness


@frozen(kw_only=True)
class OperationEndpoints:
    """Paths that need no token."""

    readiness: Readiness
    metrics: Metrics

    def resources(self) -> list[PublicResource]:
        """The paths."""
        return [
            PublicResource(paths.HEALTH, {"GET": self.health, "HEAD": self.health}),
            PublicResource(paths.READY, {"GET": self.ready, "HEAD": self.ready}),
            PublicResource(paths.METRICS, {"GET": self.expose, "HEAD": self.expose}),
        ]

    async def health(self, _request: Request) -> Response:
        """This process answers; whether it takes new work is another question, and another path."""
        return json_response({"status": "ok", "ready": True, "service": "chat-api"})

    async def ready(self, _request: Request) -> Response:
        """Whether this process reaches what it needs, and takes new work."""
        checks = await self.readiness.check()
        is_ready = all(result == "ok" for result in checks.values())
        document = {"status": "ok" if is_ready else "unavailable", "checks": checks}
        headers = {} if is_ready else {"Retry-After": "1"}
        return json_response(document, status=200 if is_ready else 503, headers=headers)

    async def expose(self, _request: Request) -> Response:
        """All figures."""
        return Response(self.metrics.exposition(), headers={"Content-Type": EXPOSITION_MEDIA_TYPE})
