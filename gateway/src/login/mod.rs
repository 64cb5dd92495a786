//! Who gets in: the accounts that are open, passwords that were accepted, guessing, and accounts that the configuration
//! names.

pub(crate) mod accounts;
pub(crate) mod credential;
pub(crate) mod fixed;
pub(crate) mod guard;
mod token_login;
pub(crate) mod token_mailbox;

pub use accounts::Accounts;
pub use token_mailbox::TokenMailbox;
