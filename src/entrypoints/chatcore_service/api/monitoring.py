"""Reports the liveness, readiness and metrics of the service."""

from typing import Annotated, Literal

from attrs import Factory, frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore_service.http import paths
from chatcore_service.http.encoding import encoder, json_response
from chatcore_service.http.endpoints import PublicEndpoints, public
from chatcore_service.http.fields import Doc
from chatcore_service.http.operation import DocumentedResponse, Operation, documented_json
from chatcore_service.metrics import EXPOSITION_MEDIA_TYPE, Metrics
from chatcore_service.readiness import Readiness


@frozen(kw_only=True)
class HealthDocument:
    """The liveness of a process, which stays the same for its whole life; `/api/ready` reports its readiness."""

    status: Literal["ok"]
    ready: Literal[True]
    service: Literal["chat-api"]


@frozen(kw_only=True)
class _Checks:
    process: Literal["ok", "draining"]
    database: Literal["ok", "unavailable"]
    auth: Literal["ok", "unavailable", "key_refused"]
    inference: Literal["ok", "unavailable", "key_refused"]


@frozen(kw_only=True)
class ReadinessDocument:
    """The readiness of a process: whether it reaches the services that it needs, and accepts new work."""

    status: Literal["ok", "unavailable"]
    checks: _Checks
    details: Annotated[
        dict[str, str],
        Doc("For each dependency that is not ready, a sentence about the cause, if it is known."),
    ] = Factory(dict[str, str])


_health_json = encoder(HealthDocument)
_HEALTH = HealthDocument(status="ok", ready=True, service="chat-api")


@frozen(kw_only=True)
class MonitoringEndpoints(PublicEndpoints):
    """Reports the state of this process."""

    readiness: Readiness
    metrics: Metrics

    @public(
        Operation(
            method="GET",
            path=paths.HEALTH,
            id="health",
            responses=(documented_json(200, HealthDocument, "The process is alive."),),
        )
    )
    async def health(self, _request: Request) -> Response:
        """Reports liveness."""
        return json_response(_health_json(_HEALTH))

    @public(
        Operation(
            method="GET",
            path=paths.READY,
            id="readiness",
            responses=(
                documented_json(200, ReadinessDocument, "The process is ready."),
                documented_json(503, ReadinessDocument, "The process is not ready.", "Retry-After"),
            ),
        )
    )
    async def ready(self, _request: Request) -> Response:
        """Reports readiness: whether this process reaches the services that it needs and accepts new work."""
        report = await self.readiness.check()
        is_ready = all(result == "ok" for result in report.checks.values())
        document: dict[str, object] = {"status": "ok" if is_ready else "unavailable", "checks": report.checks}
        if report.details:
            document["details"] = report.details
        headers = {} if is_ready else {"Retry-After": "1"}
        return json_response(document, status=200 if is_ready else 503, headers=headers)

    @public(
        Operation(
            method="GET",
            path=paths.METRICS,
            id="metrics",
            responses=(
                DocumentedResponse(
                    status=200,
                    description="All metrics, in Prometheus's text format.",
                    content={"text/plain": str},
                    headers=None,
                ),
            ),
        )
    )
    async def expose(self, _request: Request) -> Response:
        """Returns the metrics for Prometheus."""
        return Response(self.metrics.exposition(), headers={"Content-Type": EXPOSITION_MEDIA_TYPE})
