//! What every listener needs, whatever it serves: from where clients come and how many may, TLS, what they send, and the end.

mod accept;
mod client_network;
mod counted;
mod gate;
mod line_reader;
mod network;
pub mod proxy;
mod stop;
mod stream;
mod tls_mode;
mod wiped;

pub use accept::accept;
pub use client_network::client_network;
pub use counted::Counted;
pub use gate::{Admission, Gate, GateLimits};
pub use line_reader::{LineReader, LineTooLong, ReaderFull};
pub use network::{Network, NetworkError};
pub use stop::stopped;
pub use stream::Stream;
pub use tls_mode::TlsMode;
pub use wiped::append_wiped;
