//! What the SMTP server serves: the traits a submission backend implements, and the values that cross them.

mod address;
mod envelope;
mod error;
mod message;
mod traits;

pub use address::Address;
pub use envelope::{Envelope, Notify, Recipient, Return};
pub use error::SubmitError;
pub use message::{Message, MessageReader};
pub use traits::{Grant, Submit, Submitter};
