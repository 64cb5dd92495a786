//! Conformance: one list of scenarios, run against any MAPI/HTTP server, that tells in what it differs from what the
//! specifications say and from what the gateway relies on.
//!
//! A [`Scenario`] works in a scratch folder of its own below the mailbox's IPM subtree, speaks ROPs directly, and writes
//! down what it sees as fields and values free of ids and times. [`run`] compares them field by field with what is
//! expected: what the gateway relies on must be so; where servers may differ, the list says which differences the gateway
//! copes with and why. Nothing else in the mailbox is touched, except that mail which the suite sends passes through
//! Outbox and Inboxes, from which it is removed again.
//!
//! How the mailboxes are found is not decided here: the caller hands in a [`Target`] with all that it takes to connect.

mod bench;
mod error;
mod expected;
mod report;
mod scenario;
mod scenarios;
mod target;

pub use bench::Bench;
pub use error::Trouble;
pub use expected::{Expected, Level};
pub use report::{Line, Report, Verdict, compare};
pub use scenario::{Needs, Scenario, run};
pub use scenarios::SCENARIOS;
pub use target::{Person, Target};
