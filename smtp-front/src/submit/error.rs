use thiserror::Error;

/// Why a message or login was not taken. `session` maps each to a reply and an enhanced status code (RFC 3463) in one
/// place; the texts reach the client and must not hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// Wrong user name or password: `535 5.7.8`.
    #[error("authentication credentials invalid")]
    AuthenticationFailed,
    /// Nobody may submit from there without a login: `530 5.7.0`.
    #[error("Authentication required")]
    AuthenticationRequired,
    /// Too many messages in this time: `450 4.7.1`. Nothing was sent.
    #[error("{0}")]
    RateLimited(String),
    /// There is no room to take the message in: `452 4.3.1`. Nothing was sent.
    #[error("{0}")]
    NoSpace(String),
    /// The upstream can't be reached: `451 4.4.1`, at login `454 4.7.0`. Nothing was sent.
    #[error("{0}")]
    Unavailable(String),
    /// The upstream asks to slow down: `451 4.3.2`. Nothing was sent.
    #[error("{0}")]
    Busy(String),
    /// The connection died while the upstream took the message and it could not be found out whether it did:
    /// `451 4.4.2`.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// The mailbox is full: `552 5.2.2`.
    #[error("{0}")]
    OverQuota(String),
    /// Larger than the upstream takes: `552 5.3.4`.
    #[error("{0}")]
    TooBig(String),
    /// The user may not send as this sender: `550 5.7.60`.
    #[error("{0}")]
    SenderDenied(String),
    /// The user may not send to this recipient: `550 5.7.1`.
    #[error("{0}")]
    RecipientDenied(String),
    /// A recipient was refused: `550 5.1.1`.
    #[error("{0}")]
    RecipientRefused(String),
    /// More recipients than one message may have: `452 4.5.3`. The others may be sent to separately (RFC 5321 4.5.3.1.10).
    #[error("{0}")]
    TooManyRecipients(String),
    /// The content can't be sent: `554 5.6.0`.
    #[error("{0}")]
    BadContent(String),
    /// Refused for another reason: `554 5.0.0`.
    #[error("{0}")]
    Refused(String),
    /// The fault is ours; details are in the log: `451 4.3.0`.
    #[error("{0}")]
    Internal(String),
}
