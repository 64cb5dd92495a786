//! Who gets in: the accounts that are open, passwords that were accepted, guessing, and accounts that the configuration
//! names.

pub(crate) mod accounts;
mod configured;
pub(crate) mod credential;
mod enter;
mod failures;
mod file_stamp;
pub(crate) mod fixed;
mod folded;
pub(crate) mod guard;
mod idle;
mod known;
mod moment;
mod origin;
mod saving;
mod token_login;
pub(crate) mod token_mailbox;
mod trust;
mod trust_file;

pub use accounts::Accounts;
pub use file_stamp::FileStamp;
pub use token_mailbox::TokenMailbox;
