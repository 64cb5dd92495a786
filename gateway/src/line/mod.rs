//! The line to Exchange: who it is opened for, where the mailbox is found, the sessions of a user and which of them does
//! what, the address book, and what can go wrong. What is done on it stands in [`crate::operation`].

pub(crate) mod addresses;
pub(crate) mod connector;
pub(crate) mod directory;
pub(crate) mod discovered;
pub(crate) mod error;
pub(crate) mod kind;
pub(crate) mod login;
pub(crate) mod login_name;
pub(crate) mod pool;
pub(crate) mod settings;
pub(crate) mod tally;
pub(crate) mod upstream;

pub use connector::Connector;
pub use error::UpstreamError;
pub use kind::Kind;
pub use login::{Login, TicketFile};
pub use settings::UpstreamSettings;
pub use tally::{Count, Tally};
