//! HTTP listeners of the gateway: few connections, each for one request that has little time.

mod listener;
mod security;

pub use listener::Listener;
pub use security::{content_type, with_security};
