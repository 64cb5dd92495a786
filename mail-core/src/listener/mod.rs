//! What every listener needs, whatever it serves: from where clients come and how many may, TLS, and the end.

mod client_network;
mod gate;
mod network;
pub mod proxy;
mod stop;
mod stream;
mod tls_mode;

pub use client_network::client_network;
pub use gate::{Admission, Gate, GateLimits};
pub use network::{Network, NetworkError};
pub use stop::stopped;
pub use stream::Stream;
pub use tls_mode::TlsMode;
