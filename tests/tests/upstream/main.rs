//! The upstream as `mapi-core` meets it: bytes of a real server, and what a server answers.

mod captures;
mod conformance;
mod mailbox;
