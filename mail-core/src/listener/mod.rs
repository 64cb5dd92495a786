//! What every listener needs, whatever it serves: from where clients come.

mod network;
pub mod proxy;

pub use network::{Network, NetworkError, one_client};
