//! Helpers shared by the end-to-end suites.

pub mod corpus;
pub mod deflated;
pub mod delivered;
pub mod dovecot;
pub mod fuzz;
pub mod imap_client;
pub mod letters;
pub mod machine;
pub mod maildir;
pub mod process;
pub mod processor;
pub mod smtp_client;
pub mod smtp_talk;
pub mod stack;
pub mod trace_log;
pub mod until;
