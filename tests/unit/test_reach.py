"""A caller cannot make the gateway ask what only the gateway can reach."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from terkirim.policy.reach import is_public


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:0:808:808"]
)
def test_an_address_of_the_open_internet_may_be_asked(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("192.0.0.8", "192.88.99.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
        *("localhost", "", "8.8.8.8.8", "8.8.8.8/8"),
    ],
)
def test_any_other_address_may_not(address):
    assert not is_public(address)


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254"])
@pytest.mark.parametrize(
    ("prefix", "shift"),
    [
        pytest.param("::", 0, id="compatible ::/96"),
        pytest.param("::ffff:0:0", 0, id="mapped ::ffff:0:0/96"),
        pytest.param("::ffff:0:0:0", 0, id="translated ::ffff:0:0:0/96"),
        pytest.param("64:ff9b::", 0, id="NAT64 64:ff9b::/96"),
        pytest.param("64:ff9b:1::", 0, id="local NAT64 64:ff9b:1::/48"),
        pytest.param("2002::", 80, id="6to4 2002::/16"),
        pytest.param("2001::f7f7:f7f7", 64, id="Teredo server 2001::/32"),
        pytest.param("2001:0:808:808::ffff:ffff", 0, id="Teredo client, whose bits are turned"),
    ],
)
def test_no_form_of_ipv6_hides_an_address_that_may_not_be_asked(prefix, shift, inner):
    hidden = IPv6Address(int(IPv6Address(prefix)) ^ int(IPv4Address(inner)) << shift)
    assert not is_public(str(hidden))
