"""Makes the OpenAPI document, and a page that shows the document."""
