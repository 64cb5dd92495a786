//! One opened mailbox: its ledger and folders with their actors, its tree, what notifications say of it, and the
//! renderings of its messages.

pub(crate) mod cache;
pub(crate) mod context;
pub(crate) mod epochs;
pub(crate) mod events;
pub(crate) mod folder;
pub(crate) mod rights;
pub(crate) mod tree;
pub(crate) mod unchecked;

pub use context::AccountContext;
