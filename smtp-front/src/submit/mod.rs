//! What the SMTP server serves: the traits a submission backend implements, and the values that cross them.

mod error;
mod traits;

pub use error::SubmitError;
pub use traits::{Address, Credentials, Envelope, Peer, Submit, Submitter};
