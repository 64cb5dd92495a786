//! Work for clients within bounds: CPU time ([`Workers`]) and memory ([`ByteBudget`]), both given out fairly.
//!
//! Whoever works for somebody names the owner, and what is scarce goes round among the owners: one who wants much waits
//! behind himself, and not in front of others.

mod budget;
mod owner;
mod queue;
mod running;
mod turns;
mod waiting;
mod workers;

pub use self::budget::{BudgetExceeded, BudgetLimits, ByteBudget, Reservation};
pub use self::owner::Owner;
pub use self::queue::WorkLimits;
pub use self::running::{is_cancelled, pieces, spend};
pub use self::workers::{WorkEnded, Workers};
