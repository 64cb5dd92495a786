use std::net::IpAddr;
use std::sync::Arc;

use mail_core::listener::Network;

use crate::rate::RateTable;

/// From where and how often clients may come.
#[derive(Debug, Clone, Default)]
pub struct AccessConfig {
    /// Clients elsewhere are sent away; if it is empty, they may be anywhere.
    pub networks: Vec<Network>,
    /// Connections from these come through a proxy and begin with a PROXY protocol version 2 header, which names the
    /// client. Nobody else may send one.
    pub proxies: Vec<Network>,
    /// How often each client may connect.
    pub connections: Option<Arc<RateTable>>,
    /// How often each client may begin a message.
    pub messages: Option<Arc<RateTable>>,
}

impl AccessConfig {
    /// Whether a client may be there.
    pub(super) fn allows(&self, client: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(client))
    }

    /// Whether a connection comes through a proxy.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }
}
