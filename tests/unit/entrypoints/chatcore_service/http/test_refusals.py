"""Refusals: requests that are refused before any use case runs."""

from chatcore_service.http import refusals
from chatcore_service.http.refusals import RefusedError


def test_every_refusal_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(refusals).values() if isinstance(kind, type) and issubclass(kind, RefusedError)]

    assert len({kind.code for kind in kinds}) == len(kinds) > 5
    overload = {refusals.TooManyConnectionsError, refusals.BuffersFullError, refusals.OverloadedError}
    assert all(400 <= kind.status < 500 for kind in kinds if kind not in overload)
