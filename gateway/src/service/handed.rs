use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use listenfd::ListenFd;

/// Sockets that the service manager listens on already and handed over (sd_listen_fds(3)).
static HANDED: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

/// Takes over the sockets that the service manager handed to this process; the addresses of those that are of use.
pub fn take_handed_sockets() -> Vec<SocketAddr> {
    let mut handed = ListenFd::from_env();
    let taken: Vec<TcpListener> =
        (0..handed.len()).filter_map(|index| handed.take_tcp_listener(index).ok().flatten()).collect();
    let addresses = taken.iter().filter_map(|socket| socket.local_addr().ok()).collect();
    HANDED.lock().unwrap_or_else(PoisonError::into_inner).extend(taken);
    addresses
}

/// The socket that was handed over for an address.
pub(super) fn handed(address: SocketAddr) -> Option<TcpListener> {
    let mut handed = HANDED.lock().unwrap_or_else(PoisonError::into_inner);
    let position = handed.iter().position(|socket| socket.local_addr().is_ok_and(|own| own == address))?;
    let socket = handed.swap_remove(position);
    socket.set_nonblocking(true).ok().map(|()| socket)
}
