use std::net::{IpAddr, Ipv6Addr};

/// What counts as one client where clients are counted: an IPv4 address, or the /64 network of an IPv6 address, of which
/// one host usually has as many as it likes. IPv4 addresses in IPv6 clothes (`::ffff:192.0.2.1`) count as IPv4.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_ipv6_are_networks() {
        let client = |address: &str| client_network(address.parse().unwrap()).to_string();
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(client("2001:db8:1:3:3:4:5:6"), "2001:db8:1:3::");
        assert_eq!(client("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(client("192.0.2.1"), "192.0.2.1");
    }
}
