"""The description of the API: an OpenAPI 3.1 document, and a page that shows it."""

from chatcore_service.openapi.document import openapi_document
from chatcore_service.openapi.page import render_page

__all__ = ["openapi_document", "render_page"]
