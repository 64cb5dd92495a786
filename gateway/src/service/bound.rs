use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::handed::handed;
use super::start_error::StartError;
use crate::config::Address;

/// A listener of a running gateway.
pub(super) struct Bound<S> {
    /// Where the configuration wants it, which may be on any free port.
    pub(super) configured: Address,
    /// Where it is.
    pub(super) address: SocketAddr,
    pub(super) server: S,
}

/// Listens at the address that is configured at `key`.
pub(super) async fn bind(key: &str, Address(address): Address) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen { key: format!("{key}.address"), address, error };
    let bound = match handed(address) {
        Some(socket) => TcpListener::from_std(socket),
        None => TcpListener::bind(address).await,
    };
    let bound = bound.map_err(failed)?;
    let address = bound.local_addr().map_err(failed)?;
    Ok((bound, address))
}

/// The listeners that another configuration still has, with their positions in it.
pub(super) fn matching<'a, S>(bound: &'a [Bound<S>], addresses: &[Address]) -> Vec<(&'a Bound<S>, usize)> {
    let pair = |(position, one): (usize, &'a Bound<S>)| {
        // There may be several of port 0.
        let before = bound[..position].iter().filter(|other| other.configured == one.configured).count();
        let mut same = addresses.iter().enumerate().filter(|(_, address)| **address == one.configured);
        same.nth(before).map(|(position, _)| (one, position))
    };
    bound.iter().enumerate().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_known_by_their_addresses() {
        let address = |text: &str| Address(text.parse().expect("an address"));
        let bound = ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:25"].into_iter().enumerate();
        let bound: Vec<_> =
            bound.map(|(server, text)| Bound { configured: address(text), address: address(text).0, server }).collect();
        let pairs = |addresses: &[&str]| -> Vec<(usize, usize)> {
            let addresses: Vec<_> = addresses.iter().map(|text| address(text)).collect();
            matching(&bound, &addresses).iter().map(|(bound, position)| (bound.server, *position)).collect()
        };
        assert_eq!(pairs(&["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:25"]), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(pairs(&["127.0.0.1:25", "127.0.0.1:0"]), [(0, 1), (2, 0)]);
        assert_eq!(pairs(&["127.0.0.1:26"]), []);
    }
}
