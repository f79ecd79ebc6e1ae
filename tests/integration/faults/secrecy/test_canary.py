"""A canary is found in every form in which a secret gets out."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import quote

import pytest

from tests.integration.faults.secrecy.canary import Canary

FORMS: dict[str, Callable[[str], str]] = {
    "itself": lambda value: f"key={value}.",
    "its beginning": lambda value: f"{value[:12]}…",
    "its end": lambda value: f"…{value[-12:]}",
    "in the middle of base64": lambda value: b64encode(f"user:{value}!".encode()).decode(),
    "in a token's claims": lambda value: urlsafe_b64encode(f'{{"k":"{value}"}}'.encode()).decode(),
    "in a URL": lambda value: quote(f"?token={value}&x"),
    "hexadecimal": lambda value: value.encode().hex(),
    "its hash": lambda value: sha256(value.encode()).hexdigest(),
    "the beginning of its hash": lambda value: sha256(value.encode()).hexdigest()[:12],
    "escaped twice": lambda value: repr(repr(f"\n{value}\n")),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_canary_is_found_in_whatever_form(form: Callable[[str], str]) -> None:
    canary = Canary("a secret")

    assert canary.is_in(f"before {form(canary.value)} after")
    assert not Canary("another").is_in(form(canary.value))
