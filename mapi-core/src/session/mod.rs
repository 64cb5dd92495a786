//! The session context ([MS-OXCMAPIHTTP] 3.1.1, 3.2.1): what requests must carry, and what responses do to it.
//!
//! Sans-IO: [`SessionContext`] builds [`Request`]s and takes [`Response`]s; sockets, time and randomness are the caller's.

mod context;
mod error;
mod exchange;
mod mailbox;

pub use context::{ContextSettings, Request, SessionContext, Ticket};
pub use error::SessionError;
pub use exchange::{Response, ResponseHead};
pub use mailbox::{connect_answer, execute_answer, execute_body, wait_answer};
