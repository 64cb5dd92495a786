//! How clients find the gateway by an address alone: settings that they ask for over HTTP, and records in DNS.
//!
//! What is given out says where IMAP and SMTP are and nothing of users: whether an address exists is not told.

mod document;
mod offer;
mod records;
mod router;

pub use offer::{Offer, Place};
pub use records::{Record, records};
pub use router::router;
