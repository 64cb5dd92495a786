//! Pages for administrators, for Prometheus and for those who ask whether the gateway is well. They only show; nothing can be
//! changed here.
//!
//! # Rules
//! * On loopback everything but pages about a user is shown to whoever asks by an address or a name that is known: a page of
//!   another site can't ask in its own name (DNS rebinding). Elsewhere a token is needed.
//! * Without a token nobody is named.

mod access;
mod figures;
mod html;
mod incidents;
mod observed;
mod readiness;
mod router;
mod status;
mod user;

pub use access::{Access, read_token};
pub use observed::{ListenerGate, Observed};
pub use router::{Admin, router};
