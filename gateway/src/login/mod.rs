//! Who gets in: the accounts that are open, passwords that were accepted, guessing, and accounts that the configuration
//! names.

pub(crate) mod accounts;
pub(crate) mod credential;
pub(crate) mod fixed;
pub(crate) mod guard;

pub use accounts::Accounts;
pub use fixed::TokenMailbox;
