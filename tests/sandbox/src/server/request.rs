use std::time::{Duration, Instant};

use mapi_core::ErrorCode;
use mapi_core::http::{CookieJar, RequestType};

use super::answer::Envelope;

/// A request whose envelope is in order.
pub struct MapiRequest {
    /// X-RequestType.
    pub kind: RequestType,
    /// Whose credentials it carries.
    pub user: usize,
    /// Its cookies.
    pub cookies: CookieJar,
    /// What its answer needs.
    pub envelope: Envelope,
    /// Its body.
    pub body: Vec<u8>,
    /// When it was there.
    pub came: Instant,
    /// What the request is answered with instead of being processed.
    pub instead: Option<Instead>,
}

/// How a request is answered that is not processed as usual.
#[derive(Debug, Clone, Copy)]
pub enum Instead {
    /// RopBackoff with this duration.
    Backoff(Duration),
    /// This ErrorCode.
    Fail(ErrorCode),
    /// This StatusCode.
    Status(u32),
    /// As it is run, but RopLogon returns this.
    RefuseLogon(ErrorCode),
}
