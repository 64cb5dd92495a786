use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Set in the flags of a route that leads through a gateway, `RTF_GATEWAY` in Linux' `route.h`.
const THROUGH_GATEWAY: u32 = 2;

/// The default gateways of this machine, as Linux tells them; none elsewhere.
pub fn default_gateways() -> Vec<IpAddr> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let mut out = parse_ipv4(&read("/proc/net/route"));
    out.extend(parse_ipv6(&read("/proc/net/ipv6_route")));
    out
}

/// `/proc/net/route`: interface, destination, gateway, flags, three counters, mask, …; addresses in the machine's byte
/// order.
fn parse_ipv4(table: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let (destination, gateway, flags, mask) = (number(1)?, number(2)?, number(3)?, number(7)?);
        let default = destination == 0 && mask == 0 && flags & THROUGH_GATEWAY != 0;
        default.then(|| IpAddr::V4(Ipv4Addr::from(gateway.to_ne_bytes())))
    };
    table.lines().skip(1).filter_map(gateway).collect()
}

/// `/proc/net/ipv6_route`: destination, its prefix length, source, its prefix length, next hop, metric, two counters,
/// flags, interface; numbers in hexadecimal.
fn parse_ipv6(table: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |at: usize| u128::from_str_radix(fields.get(at)?, 16).ok();
        let (destination, prefix, gateway, flags) = (number(0)?, number(1)?, number(4)?, number(8)?);
        let default = destination == 0 && prefix == 0 && flags & u128::from(THROUGH_GATEWAY) != 0;
        default.then(|| IpAddr::V6(Ipv6Addr::from_bits(gateway)))
    };
    table.lines().filter_map(gateway).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_linux() {
        let gateway = u32::from_ne_bytes([172, 17, 0, 1]);
        let network = u32::from_ne_bytes([172, 17, 0, 0]);
        let mask = u32::from_ne_bytes([255, 255, 0, 0]);
        let table = format!(
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
             eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             eth0\t{network:08X}\t00000000\t0001\t0\t0\t0\t{mask:08X}\t0\t0\t0\n\
             tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\nrubbish\n"
        );
        assert_eq!(parse_ipv4(&table), ["172.17.0.1".parse::<IpAddr>().expect("an address")]);
        let zero = "00000000000000000000000000000000";
        let table = format!(
            "fd000000000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001     eth0\n\
             {zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        );
        assert_eq!(parse_ipv6(&table), ["fe80::1".parse::<IpAddr>().expect("an address")]);
    }

    #[test]
    fn this_machine_is_read() {
        for gateway in default_gateways() {
            assert!(!gateway.is_unspecified());
        }
    }
}
