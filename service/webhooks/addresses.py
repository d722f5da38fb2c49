"""Which addresses of the network a message may be sent to: public ones alone."""

import ipaddress

_CARRIERS = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""IPv6 addresses that stand for an IPv4 one behind a translator or tunnel: NAT64, 6to4, Teredo, compatible."""


def is_public(text: str) -> bool:
    """Whether an address, as the resolver writes it, is one of the public internet; False for what is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id or address.ipv4_mapped or any(address in net for net in _CARRIERS):
            return False
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
