use mapi_core::rop::{Response, RopResponse};

/// The answers of one payload.
pub struct Answers {
    /// In order.
    pub responses: Vec<Response>,
    /// Bytes they take.
    pub size: usize,
    /// The answer to the last request, if all were run.
    pub last: Option<RopResponse>,
}
