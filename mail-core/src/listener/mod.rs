//! What every listener needs, whatever it serves: from where clients come, and how many may.

mod client_network;
mod gate;
mod network;
pub mod proxy;

pub use client_network::client_network;
pub use gate::{Admission, Gate, GateLimits};
pub use network::{Network, NetworkError};
