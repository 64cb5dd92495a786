//! One opened mailbox, whoever opened it: its ledger and folders with their actors, its tree, what notifications say of it, and the
//! renderings of its messages.

pub(crate) mod activity;
pub(crate) mod cache;
pub(crate) mod context;
pub(crate) mod epochs;
pub(crate) mod events;
pub(crate) mod folder;
pub(crate) mod open_mailbox;
pub(crate) mod outlines;
mod quota;
pub(crate) mod rights;
pub(crate) mod tree;
pub(crate) mod unchecked;
mod unopened;

pub use context::MailboxContext;
pub use open_mailbox::OpenMailbox;
