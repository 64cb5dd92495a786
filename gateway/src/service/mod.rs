//! The running gateway: its listeners, and the accounts behind them.

mod bound;
mod handed;
mod imap;
mod prepared;
mod reload;
mod running;
mod shared;
mod smtp;
mod start_error;
mod watch;

pub use handed::take_handed_sockets;
pub use prepared::Prepared;
pub use running::Service;
pub use start_error::StartError;
