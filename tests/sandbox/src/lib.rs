//! An Exchange sandbox: a MAPI/HTTP server over a small real mailbox store, for tests and demonstrations.

#![allow(non_upper_case_globals, reason = "property tags bear the names of the specification")]

/// How users sign in.
pub mod auth {
    pub use crate::server::{Auth, AuthPolicy, ChannelBinding, KerberosPolicy, Refusal, Scheme, TokenIssuer};
}
pub mod fault;
mod manners;
mod sandbox;
pub mod seed;
mod server;
mod session;
pub mod store;
mod transfer;

pub use fault::{Armed, Fault, FaultKind, Faults, NotificationFault, Requests};
pub use manners::{Manners, Overflow, StaleSave, UnknownRecipient};
pub use sandbox::{Builder, RunningSandbox, Sandbox};
pub use server::{CounterSnapshot, Counters, Settings};
