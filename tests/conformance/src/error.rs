use mapi_core::ErrorCode;
use mapi_core::client::ClientError;
use mapi_core::rop::RopId;
use mapi_core::wire::WireError;
use thiserror::Error;

/// Why a scenario stopped.
#[derive(Debug, Error)]
pub enum Trouble {
    /// A request failed as a whole.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// An answer cannot be read.
    #[error("unreadable: {0}")]
    Wire(#[from] WireError),
    /// An operation failed that everything after it needs.
    #[error("{} returned {code}", .rop.name())]
    Refused {
        /// The operation.
        rop: RopId,
        /// What it returned.
        code: ErrorCode,
    },
    /// An answer of another kind than the request asks for, or none.
    #[error("{} was not answered as it should", .0.name())]
    Answer(RopId),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
