//! The async shell: listens, does TLS, moves bytes between sockets and [`crate::session`]s, keeps messages while they come
//! in, and asks the backend.

mod access;
mod ahead;
mod config;
mod connection;
mod listen;

pub use access::AccessConfig;
pub use config::ServerConfig;
pub use listen::Server;
