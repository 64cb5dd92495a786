//! The async shell: listens, does TLS, moves bytes between sockets and [`crate::session`]s, and asks the backend.

mod admission;
mod config;
mod connection;
mod listen;

pub use admission::Admission;
pub use config::{ServerConfig, TlsMode};
pub use listen::Server;
