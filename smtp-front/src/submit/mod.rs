//! What the SMTP server serves: the traits a submission backend implements, and the values that cross them.

mod address;
mod departure;
mod envelope;
mod error;
mod traits;

pub use address::Address;
pub use departure::Departure;
pub use envelope::{Envelope, Notify, Recipient, Return};
pub use error::SubmitError;
pub use traits::{Grant, Submit, Submitter};
