"""Networks of a setting, and the addresses within them."""

from __future__ import annotations

import pytest

from chatcore_service.environment import MalformedValueError
from chatcore_service.networks import is_within, networks


@pytest.mark.parametrize(
    ("value", "inside", "outside"),
    [
        ("10.0.0.5", "10.0.0.5", "10.0.0.6"),
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("10.0.0.0/255.0.0.0", "10.255.255.255", "11.0.0.0"),
        ("127.0.0.1, ::1", "::1", "::2"),
        (" ::1 ,, 127.0.0.1,", "127.0.0.1", "127.0.0.2"),
        ("fd00::/8", "fdff::1", "fe00::1"),
        ("FD00::1", "fd00:0:0::1", "fd00::2"),
        ("::/0", "2001:db8::1", "10.0.0.5"),
        ("0.0.0.0/0", "10.0.0.5", "2001:db8::1"),
        ("10.0.0.5", "::ffff:10.0.0.5", "::ffff:10.0.0.6"),
        ("10.0.0.0/8", "::ffff:a01:203", "::10.1.2.3"),
        ("::ffff:10.0.0.5", "10.0.0.5", "10.0.0.6"),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", "11.0.0.0"),
        ("fe80::/10", "fe80::1%eth0", "febf::1%"),
    ],
)
def test_an_address_is_within_a_network_that_has_it(value: str, inside: str, outside: str) -> None:
    allowed = networks(value)

    assert is_within(inside, allowed)
    assert not is_within(outside, allowed)


@pytest.mark.parametrize("address", ["", "client", "/run/proxy.sock", "127.0.0.1:80", "127.1", "[::1]", "127.0.0.01"])
def test_what_is_no_address_is_within_no_network(address: str) -> None:
    assert not is_within(address, networks("0.0.0.0/0,::/0"))


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("localhost", "'localhost' is neither"),
        ("10.0.0.5, proxy.example.com", "'proxy.example.com' is neither"),
        ("10.0.0.5:80", "'10.0.0.5:80' is neither"),
        ("[::1]", "'[::1]' is neither"),
        ("10.0.0.5 10.0.0.6", "'10.0.0.5 10.0.0.6' is neither"),
        ("10.0.0.0/33", "'10.0.0.0/33' is neither"),
        ("10.0.0.1/8", "'10.0.0.1/8' has bits beyond its prefix"),
        ("fd00::1/8", "'fd00::1/8' has bits beyond its prefix"),
        ("10.*", "'10.*' is neither"),
        ("10", "'10' is neither"),
        ("x" * 1000, f"'{'x' * 100}' is neither"),
    ],
)
def test_what_is_no_network_is_refused_with_the_part_that_is_wrong(value: str, fault: str) -> None:
    with pytest.raises(MalformedValueError) as refusal:
        networks(value)

    assert str(refusal.value) == (
        f"must be addresses or networks, such as 10.0.0.5 or fd00::/8, separated by commas: {fault}"
    )


def test_at_least_one_network_is_needed() -> None:
    with pytest.raises(MalformedValueError, match=r"such as 10\.0\.0\.5 or fd00::/8, separated by commas$"):
        networks(" , ")
