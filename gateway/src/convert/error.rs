use mapi_core::rtf::RtfError;
use thiserror::Error;

/// Why a message could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// The result would be larger than allowed.
    #[error("the message is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More parts or recipients than allowed.
    #[error("the message has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A rendering needs the SMTP address of a distinguished name that nobody has looked up yet. Rendering without it
    /// would give different bytes later.
    #[error("the address of {0} is not known yet")]
    UnresolvedAddress(String),
    /// The only body is RTF that can't be read.
    #[error("the body can't be read: {0}")]
    Rtf(#[from] RtfError),
}
