//! IP networks: who may connect, who may submit without a login, who is a proxy.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// An IP network such as `192.0.2.0/24` or `2001:db8::/48`; a bare address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network. The texts say what is expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// Neither `address/prefix` nor an address.
    #[error("`{0}` is no network: expected an IP address and a prefix length, e.g. 192.0.2.0/24 or 2001:db8::/48")]
    Syntax(String),
    /// The address has bits behind the prefix.
    #[error("`{text}` has bits behind its prefix: expected {expected}")]
    HostBits {
        /// What was given.
        text: String,
        /// The network that it lies in.
        expected: Network,
    },
}

impl Network {
    /// Whether `address` lies in the network. IPv4 addresses that come in IPv6 clothes (`::ffff:192.0.2.1`) count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }

    /// The number of bits that are the same in all addresses of the network: up to 32 in IPv4, 128 in IPv6.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether it is a network of IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.address.is_ipv6()
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let syntax = || NetworkError::Syntax(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| syntax())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) if !prefix.bytes().all(|byte| byte.is_ascii_digit()) => return Err(syntax()),
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(syntax)?,
        };
        if address.is_ipv6() && address.to_canonical().is_ipv4() {
            return Err(syntax());
        }
        let network = Self { address: masked(address, prefix), prefix };
        if network.address != address {
            return Err(NetworkError::HostBits { text: text.to_owned(), expected: network });
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn who_is_inside() {
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.0/24", "::ffff:192.0.2.1", "::192.0.2.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("2001:db8::/48", "2001:db8:0:ffff::1", "2001:db8:1::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{inside} in {text}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{outside} in {text}");
        }
    }

    #[test]
    fn wrong_texts_are_refused_with_what_is_expected() {
        for text in
            ["", "x", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/+8", "::/129", "::ffff:1.2.3.4/128"]
        {
            assert!(matches!(text.parse::<Network>(), Err(NetworkError::Syntax(_))), "{text}");
        }
        let error = "192.0.2.7/24".parse::<Network>().unwrap_err().to_string();
        assert_eq!(error, "`192.0.2.7/24` has bits behind its prefix: expected 192.0.2.0/24");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_written_is_read(bits: u128, v4: bool, prefix in 0u8..=128) {
            let address = if v4 { IpAddr::V4(Ipv4Addr::from_bits(bits as u32)) } else { IpAddr::V6(Ipv6Addr::from_bits(bits | 1 << 127)) };
            let prefix = if v4 { prefix % 33 } else { prefix.max(1) };
            let one = Network { address: masked(address, prefix), prefix };
            prop_assert!(one.contains(address));
            prop_assert_eq!(one.to_string().parse::<Network>(), Ok(one));
        }
    }
}
