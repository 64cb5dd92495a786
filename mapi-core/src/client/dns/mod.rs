//! DNS as far as services are found by it: SRV records (RFC 2782). Addresses of hosts are left to the system.
//!
//! What DNS says is not proved by anybody: callers send nothing secret anywhere because of it.

mod message;
mod resolver;

pub use message::{Answer, MessageError, SrvRecord, decode, query};
pub use resolver::{DnsError, Resolver};
