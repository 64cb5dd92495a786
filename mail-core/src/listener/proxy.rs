//! The PROXY protocol, version 2: how a load balancer says who the client is (haproxy.org, `proxy-protocol.txt` 2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// The first bytes of every header.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED: usize = 16;
/// The most bytes taken behind the fixed part: the addresses have at most 216, the rest is extensions.
const MAX_REST: usize = 4096;

/// What has been read of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// At least this many more bytes belong to it.
    Partial(usize),
    /// It is complete.
    Complete {
        /// The header's length in bytes; what follows is the client's.
        len: usize,
        /// The client; `None` if the proxy speaks for itself (`LOCAL`, a health check) or does not know.
        source: Option<SocketAddr>,
    },
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    /// The signature is missing.
    #[error("no PROXY protocol version 2 signature")]
    Signature,
    /// Another version, or a command that is neither LOCAL nor PROXY.
    #[error("unknown version or command {0:#04x}")]
    Version(u8),
    /// Not a stream over IPv4 or IPv6.
    #[error("unknown address family or transport {0:#04x}")]
    Family(u8),
    /// Longer than the bound, or too short for its addresses.
    #[error("bad length {0}")]
    Length(usize),
}

/// Reads a header from the start of a connection. Ask again with more bytes while it is [`Header::Partial`].
///
/// # Errors
/// See [`ProxyError`]; nothing that comes then can be trusted.
pub fn parse(bytes: &[u8]) -> Result<Header, ProxyError> {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes[..seen] != SIGNATURE[..seen] {
        return Err(ProxyError::Signature);
    }
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(Header::Partial(FIXED - bytes.len()));
    };
    let [.., command, family, high, low] = *fixed;
    let len = usize::from(u16::from_be_bytes([high, low]));
    if !matches!(command, 0x20 | 0x21) {
        return Err(ProxyError::Version(command));
    }
    if len > MAX_REST {
        return Err(ProxyError::Length(len));
    }
    let Some(rest) = rest.get(..len) else { return Ok(Header::Partial(len - rest.len())) };
    let source = if command == 0x20 { None } else { source(family, rest)? };
    Ok(Header::Complete { len: FIXED + len, source })
}

fn source(family: u8, rest: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    let short = ProxyError::Length(rest.len());
    match family {
        0x00 => Ok(None),
        0x11 => {
            let addresses: &[u8; 12] = rest.first_chunk().ok_or(short)?;
            let [a, b, c, d, _, _, _, _, high, low, ..] = *addresses;
            let ip = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
            Ok(Some(SocketAddr::new(ip, u16::from_be_bytes([high, low]))))
        }
        0x21 => {
            let addresses: &[u8; 36] = rest.first_chunk().ok_or(short)?;
            let ip: &[u8; 16] = addresses.first_chunk().ok_or(short)?;
            let port = u16::from_be_bytes([addresses[32], addresses[33]]);
            Ok(Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(*ip)), port)))
        }
        family => Err(ProxyError::Family(family)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let len = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &len, rest].concat()
    }

    /// The writer's half: what a proxy says of a client.
    fn proxied(client: SocketAddr, extensions: &[u8]) -> Vec<u8> {
        let port = client.port().to_be_bytes();
        match client.ip() {
            IpAddr::V4(ip) => {
                header(0x21, 0x11, &[&ip.octets()[..], &[10, 0, 0, 1], &port, &[0, 25], extensions].concat())
            }
            IpAddr::V6(ip) => header(0x21, 0x21, &[&ip.octets()[..], &[0; 16], &port, &[0, 25], extensions].concat()),
        }
    }

    #[test]
    fn the_client_is_who_the_proxy_says() {
        for client in ["192.0.2.1:4321", "[2001:db8::1]:65535"] {
            let client: SocketAddr = client.parse().unwrap();
            let bytes = proxied(client, b"\x03\x00\x01x");
            assert_eq!(parse(&bytes), Ok(Header::Complete { len: bytes.len(), source: Some(client) }));
            let followed = [&bytes[..], b"EHLO x\r\n"].concat();
            assert_eq!(parse(&followed), parse(&bytes));
        }
    }

    #[test]
    fn a_proxy_may_speak_for_itself() {
        assert_eq!(parse(&header(0x20, 0x00, b"")), Ok(Header::Complete { len: 16, source: None }));
        assert_eq!(parse(&header(0x21, 0x00, b"abc")), Ok(Header::Complete { len: 19, source: None }));
        assert_eq!(parse(&header(0x20, 0x11, &[0; 12])), Ok(Header::Complete { len: 28, source: None }));
    }

    #[test]
    fn the_rest_is_refused() {
        for (bytes, error) in [
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), ProxyError::Signature),
            (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), ProxyError::Signature),
            (header(0x11, 0x11, &[0; 12]), ProxyError::Version(0x11)),
            (header(0x22, 0x11, &[0; 12]), ProxyError::Version(0x22)),
            (header(0x21, 0x12, &[0; 12]), ProxyError::Family(0x12)),
            (header(0x21, 0x31, &[0; 216]), ProxyError::Family(0x31)),
            (header(0x21, 0x11, &[0; 11]), ProxyError::Length(11)),
            (header(0x21, 0x21, &[0; 35]), ProxyError::Length(35)),
            (header(0x21, 0x11, &[0; 4097]), ProxyError::Length(4097)),
        ] {
            assert_eq!(parse(&bytes), Err(error), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn no_byte_behind_the_header_is_asked_for(v6: bool, bits: u128, port: u16, extra in 0usize..40, cut in 0usize..100) {
            let ip = if v6 { IpAddr::V6(Ipv6Addr::from_bits(bits)) } else { IpAddr::V4(Ipv4Addr::from_bits(bits as u32)) };
            let bytes = proxied(SocketAddr::new(ip, port), &vec![0; extra]);
            let cut = cut.min(bytes.len());
            match parse(&bytes[..cut]) {
                Ok(Header::Partial(more)) => prop_assert!(more > 0 && cut + more <= bytes.len()),
                other => prop_assert_eq!(other, Ok(Header::Complete { len: bytes.len(), source: Some(SocketAddr::new(ip, port)) })),
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(signed: bool, tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let bytes = if signed { [&SIGNATURE[..], &tail].concat() } else { tail };
            if let Ok(Header::Complete { len, .. }) = parse(&bytes) {
                prop_assert!(len <= bytes.len());
            }
        }
    }
}
