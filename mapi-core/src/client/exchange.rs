use std::time::Duration;

use bytes::Bytes;

use crate::auth::AuthError;
use crate::http::Entity;
use crate::session::ResponseHead;

/// A POST to be made.
pub(crate) struct Outgoing<'a> {
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: Bytes,
    /// Bound of a binary body.
    pub(crate) max_body: usize,
    /// Bound of any other body.
    pub(crate) max_text: usize,
    /// How long it may take until the answer is there as a whole.
    pub(crate) limit: Duration,
}

/// What came back.
pub(crate) struct Received {
    pub(crate) head: ResponseHead,
    /// The entity, if the head says that it is one.
    pub(crate) entity: Option<Entity>,
    /// Any other body.
    pub(crate) text: Vec<u8>,
    /// Whether the connection can go on.
    pub(super) reusable: bool,
    /// Whether `text` is all of it.
    pub(crate) complete: bool,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// The server cannot have got the request whole.
    NotSent(String),
    /// The server may have got it.
    Unknown(String),
    /// The answer was not there in the whole time that was allowed; the server may have got the request.
    TooSlow(Duration),
    /// Authentication failed; nothing ran.
    Auth(AuthError),
    /// There is no such request.
    Invalid(String),
}
