"""Defines how the OpenAPI document says what authenticates a request."""

from attrs import asdict, frozen


@frozen(kw_only=True)
class SecurityScheme:
    """A security scheme of the OpenAPI document; see its Security Scheme Object."""

    #: The name of the component.
    id: str
    type: str
    #: The scheme of the Authorization header, for the type `http`.
    scheme: str | None = None
    #: The place of the parameter and its name, for the type `apiKey`.
    in_: str | None = None
    name: str | None = None
    description: str | None = None

    def described(self) -> dict[str, str]:
        """Returns the component of the document."""
        members = asdict(self, filter=lambda attribute, value: value is not None and attribute.name != "id")
        return {name.rstrip("_"): value for name, value in members.items()}


BEARER_TOKEN = SecurityScheme(id="bearer", type="http", scheme="bearer")
