//! Which network addresses are never connected to unless an operator named their network (THREATS.md row 20): what
//! answers there is a machine of ours or of the neighbours, never a holder's public server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why this address is not connected to; `None` when it is an ordinary public one.
#[must_use]
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

/// IANA's special-purpose registry (RFC 6890 and its updates).
fn v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("an address of this network"),
        [127, ..] => Some("a loopback address"),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Some("a private address"),
        [100, 64..=127, ..] => Some("an address shared by a provider's clients"),
        [168, 63, 129, 16] => Some("a cloud provider's own address"),
        [169, 254, ..] => Some("a link-local address"),
        [192, 0, 0, _] => Some("an address for protocol assignments"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("a documentation address"),
        [192, 88, 99, _] => Some("a relay address"),
        [198, 18..=19, ..] => Some("a benchmarking address"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn v6(address: Ipv6Addr) -> Option<&'static str> {
    // Written inside another form, an address is still that address.
    if let Some(inside) = address.to_ipv4_mapped() {
        return v4(inside).or(Some("an IPv4 address written as IPv6"));
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        [0x64, 0xff9b, ..] => Some("a translated address"),
        [0x2001, 0..=0x1ff, ..] => Some("an address for protocol assignments"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("a documentation address"),
        [0x2002, ..] => Some("a relay address"),
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}
