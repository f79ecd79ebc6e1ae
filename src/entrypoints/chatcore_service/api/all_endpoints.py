"""Lists the endpoint classes of the API, in the order of the OpenAPI document."""

from functools import cache
from typing import Any

from chatcore.input_limits import InputLimits
from chatcore_service.api.changes import ChangeEndpoints
from chatcore_service.api.console import ConsoleEndpoints
from chatcore_service.api.conversations import ConversationEndpoints
from chatcore_service.api.docs import OpenApiEndpoints
from chatcore_service.api.forks import ForkEndpoints
from chatcore_service.api.messages import MessageEndpoints
from chatcore_service.api.models import ModelEndpoints
from chatcore_service.api.monitoring import MonitoringEndpoints
from chatcore_service.api.replies import ReplyEndpoints
from chatcore_service.api.search import SearchEndpoints
from chatcore_service.api.transfers import TransferEndpoints
from chatcore_service.api.trees import TreeEndpoints
from chatcore_service.http.endpoints import EndpointsType
from chatcore_service.http.security_scheme import BEARER_TOKEN, SecurityScheme
from chatcore_service.openapi.document import describe

_ENDPOINTS: tuple[EndpointsType, ...] = (
    ConversationEndpoints,
    ForkEndpoints,
    MessageEndpoints,
    ReplyEndpoints,
    TreeEndpoints,
    ChangeEndpoints,
    SearchEndpoints,
    TransferEndpoints,
    ModelEndpoints,
    MonitoringEndpoints,
    OpenApiEndpoints,
    ConsoleEndpoints,
)


@cache
def openapi_document(
    limits: InputLimits, security_schemes: tuple[SecurityScheme, ...] = (BEARER_TOKEN,)
) -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of an API with these limits and security schemes, as plain data.

    The same arguments always give the same object, which no caller may change.
    """
    return describe(_ENDPOINTS, limits, security_schemes)
