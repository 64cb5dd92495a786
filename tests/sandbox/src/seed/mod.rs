//! Mailboxes full of mail, the same in every run: for demonstrations, tests, benchmarks.

mod bulk;
mod demo;
mod message;
mod random;

pub use bulk::bulk;
pub use demo::demo;
pub use message::{MessageBuilder, kinds};
pub use random::Random;
